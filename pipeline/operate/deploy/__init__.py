"""Deployment: everything that runs a job every night on Google Cloud, written as files that can be reviewed.

Nothing is sent, and no client of Google's is imported: `deploy.sh`, one of the files, does the work.
"""

from pipeline.operate.deploy.deployment import Deployment
from pipeline.operate.deploy.folder import write_deployment

__all__ = ["Deployment", "write_deployment"]
