"""Looks for what a CI leaves in environments and files, and asks the metadata service of a cloud."""

import os
import socket
import urllib.request

NAMES = ("GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "CI_JOB_TOKEN", "AWS_SECRET_ACCESS_KEY",
         "GOOGLE_APPLICATION_CREDENTIALS", "HOSTILE_CANARY_TOKEN", "SSH_AUTH_SOCK")  # fmt: skip
print("names:", [name for name in NAMES if name in os.environ])
if any(name in os.environ for name in NAMES):
    print("ATTACK SUCCEEDED")
ATTEMPTS = {
    "metadata": lambda: urllib.request.urlopen("http://169.254.169.254/latest/meta-data/", timeout=0.3).read(),
    "metadata, by socket": lambda: socket.create_connection(("169.254.169.254", 80), timeout=0.3),
    "metadata of Google": lambda: urllib.request.urlopen("http://metadata.google.internal/", timeout=0.3).read(),
    "container engine": lambda: socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock"),
    "git credentials": lambda: open("/root/.git-credentials").read(),
    "aws credentials": lambda: open("/root/.aws/credentials").read(),
    "kubernetes token": lambda: open("/var/run/secrets/kubernetes.io/serviceaccount/token").read(),
    "netrc": lambda: open("/root/.netrc").read(),
}
for name, attempt in ATTEMPTS.items():
    try:
        attempt()
    except OSError as error:
        print(f"{name}: denied ({type(error).__name__}: {error})")
    else:
        print(f"{name}: ATTACK SUCCEEDED")
