"""A model that fails, or kills its process, on the dates for which a file asks for it; the next attempt succeeds."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from jobs.flight_delay.baselines import CarrierHourRate
from pipeline.errors import CloudError

ENDS = ("fail", "cloud", "kill", "bug", "wait")


class Stumbling(CarrierHourRate):
    """The carrier's rate, unless the folder has a file `<last date of the training rows>.<end>`."""

    def __init__(self, *, columns: Any, folder: str) -> None:
        super().__init__(columns=columns)
        self.folder = Path(folder)

    def fit(self, df: Any) -> Any:
        print("fitting,", end=" ")
        print("in whole lines")
        day = str(df["flight_date"].max())[:10]
        ends = [end for end in ENDS if (self.folder / f"{day}.{end}").exists()]
        for end in ends:
            (self.folder / f"{day}.{end}").unlink()
            self.stumble(end)
        return super().fit(df)

    def stumble(self, end: str) -> None:
        if end == "fail":
            raise ValueError("stumbled")
        if end == "cloud":
            raise CloudError("no answer")
        if end == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if end == "wait":
            time.sleep(60)
