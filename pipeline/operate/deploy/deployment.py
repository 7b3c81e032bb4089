"""A job with an image at a target, checked before a file is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.errors import RequestError
from pipeline.operate.deploy import names
from pipeline.operate.deploy.schedule import cron_of
from pipeline.project.code import is_untracked
from pipeline.project.project import Job
from pipeline.project.target import Target, read_target

IMAGE = re.compile(r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+(:[A-Za-z0-9._-]+)?@sha256:[0-9a-f]{64}")
REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")

PLAIN_PATH = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_./-]*")
"""A path that means nothing else in the comments, arguments and expressions of the files that are written."""

HELD = ("jobs", "sql", "targets", "udf")
"""Folders of the project that the image holds: see Dockerfile."""

PROJECT_DIR = "/app"
"""Folder of the project in the image, and its working directory: see Dockerfile."""

TASKS = 10
"""Most tasks that share the shards, unless job.yaml asks for more."""


@dataclass(frozen=True)
class Deployment:
    """A job with an image at a target.

    Parameters
    ----------
    target_file
        Path of the target file below the project's folder, as in the image.
    image
        Address of the image with its sha256 digest.
    commit
        Git commit of the project's folder, with `-dirty` if files differ from it; empty if it is not known.
    code_digest
        Digest of what can change the job's predictions, except SQL and configuration.
    """

    job: Job
    target: Target
    target_file: str
    image: str
    commit: str = ""
    code_digest: str = ""

    @classmethod
    def of(cls, job: Job, target_file: Path, image: str, *, commit: str = "", code_digest: str = "") -> Deployment:
        """Read the target, check everything, and return the deployment.

        Raises
        ------
        RequestError
            The image has no digest, the schedule is too early, or the target lies outside of the project or lacks what
            a deployment needs.
        """
        root = job.folder.parent.parent.resolve()
        if not target_file.resolve().is_relative_to(root):
            message = f"--target {target_file}: lies outside of the project's folder {root}"
            raise RequestError(message, hint="put it into targets/ there: the image holds the project's files only")
        if not IMAGE.fullmatch(image):
            message = f"--image {image!r:.200}: not an image with its digest (sha256: and 64 hex digits)"
            raise RequestError(message, hint="write HOST/PROJECT/REPOSITORY/NAME@sha256:... as docker push prints it")
        target = read_target(target_file)
        _check_target(target, target_file)
        path = target_file.resolve().relative_to(root)
        _check_path(path)
        if is_untracked(root, path):
            message = f"--target {target_file}: not committed, so the image of this commit does not hold it"
            raise RequestError(message, hint="commit it, build the image, then deploy")
        deployment = cls(job, target, path.as_posix(), image, commit, code_digest)
        _check_accounts(deployment, target_file)
        deployment.cron  # noqa: B018 - refuses a schedule that is too early
        return deployment

    @cached_property
    def cron(self) -> str:
        """When it runs, in the five fields of cron."""
        return cron_of(self.job)

    @cached_property
    def emails(self) -> dict[str, str]:
        """Address of every service account."""
        return names.account_emails(self.job.name, self.target.project, self.target.service_accounts)

    @property
    def made_accounts(self) -> dict[str, str]:
        """Ids of the service accounts that deploy.sh makes, because the target names none."""
        given = self.target.service_accounts
        return {name: names.account_id(self.job.name, name) for name in names.ACCOUNTS if name not in given}

    def name(self, part: str) -> str:
        """Return the name of a resource: the Cloud Run job of a phase, the workflow or the schedule."""
        return names.resource_name(self.job.name, part)

    @property
    def folder(self) -> str:
        """Folder of the job in the bucket."""
        return "/".join(filter(None, [self.target.prefix, self.job.name]))

    @property
    def tasks(self) -> int:
        """Number of tasks that predict."""
        return self.job.spec.resources.predict.tasks or min(TASKS, self.job.spec.predictions.shards)

    @property
    def shared_labels(self) -> dict[str, str]:
        """Billing labels of the datasets and the bucket, which other jobs may share."""
        return {**self.target.labels, "pipeline": "1"}

    @property
    def labels(self) -> dict[str, str]:
        """Billing labels of the resources that belong to this job alone."""
        commit = {"commit": self.commit} if self.commit else {}
        return {**self.shared_labels, "job": self.job.name, **commit}

    @property
    def origin(self) -> dict[str, str]:
        """Where the deployment comes from, for the head of every file."""
        return {
            "job": self.job.name,
            "target": self.target_file,
            "image": self.image,
            "commit": self.commit or "none is known",
            "code digest": self.code_digest,
        }


def _check_target(target: Target, path: Path) -> None:
    """Refuse a target with which a schedule would fail, or could cost any sum."""
    if not REGION.fullmatch(target.region):
        message = f"{path}: key region: {target.region} is not a region such as us-central1"
        raise RequestError(message, hint="name the region of Cloud Run, Workflows and Cloud Scheduler")
    if target.maximum_bytes_billed is None:
        message = f"{path}: key maximum_bytes_billed is missing"
        raise RequestError(message, hint="set it: statements of a schedule need a limit for the bytes that they bill")
    if len(target.datasets) < 4:
        message = f"{path}: dataset, runs_dataset, ledger_dataset and dashboard_dataset must be four datasets"
        raise RequestError(message, hint="name four: rights and lifetimes hold for a whole dataset")
    known = (*names.ACCOUNTS, names.DASHBOARD)
    for name, email in target.service_accounts.items():
        if name not in known:
            message = f"{path}: key service_accounts: {name} is not an account of a deployment"
            raise RequestError(message, hint=f"they are: {', '.join(known)}")
        if not EMAIL.fullmatch(email):
            message = f"{path}: key service_accounts.{name}: {email!r:.100} is not an email address"
            raise RequestError(message, hint="write NAME@PROJECT.iam.gserviceaccount.com")


def _check_path(path: Path) -> None:
    """Refuse a target file that the image lacks, or whose path would mean something else in a written file."""
    if path.parts[0] not in HELD:
        message = f"--target {path}: the image holds only {', '.join(HELD)} of the project"
        raise RequestError(message, hint="put it into targets/")
    if not PLAIN_PATH.fullmatch(path.as_posix()):
        message = f"--target {path.as_posix()!r:.200}: holds other characters than letters, digits and _ . - /"
        raise RequestError(message, hint="rename the file")


def _check_accounts(deployment: Deployment, path: Path) -> None:
    """Refuse one account under two names, given or made: each has its own rights."""
    group = deployment.target.service_accounts.get(names.DASHBOARD)
    emails = deployment.emails | ({names.DASHBOARD: group} if group else {})
    known = [email.lower() for email in emails.values()]
    shared = [name for name, email in emails.items() if known.count(email.lower()) > 1]
    if shared:
        message = f"{path}: key service_accounts: {', '.join(sorted(shared))} are one account"
        raise RequestError(message, hint="name different ones: each has its own rights")
