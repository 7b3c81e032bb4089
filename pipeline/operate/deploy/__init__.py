"""Deployment: the files that run a job every night on Google Cloud, written for review.

This package sends nothing and imports no client of Google's: `deploy.sh`, one of the files, does the work.
"""
