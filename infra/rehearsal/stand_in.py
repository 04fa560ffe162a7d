"""moto's server, which stands in for AWS: on loopback, with nothing in it at first, and gone when it is left."""

import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from artefacts.fault import Fault

PATIENCE_S = 60


class StandIn:
    """`with StandIn() as aws:` has it listen at `aws.url`."""

    def __enter__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._said = tempfile.TemporaryFile()
        # Without what the machine's user has set for AWS, above all without credentials.
        environment = {
            "PATH": "/usr/bin:/bin",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
        }
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        self._process = subprocess.Popen(command, env=environment, stdout=self._said, stderr=subprocess.STDOUT)
        self._wait()
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait(self) -> None:
        latest = time.monotonic() + PATIENCE_S
        while self._process.poll() is None and time.monotonic() < latest:
            try:
                urllib.request.urlopen(f"{self.url}/moto-api/", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        self.__exit__()
        raise Fault(f"moto's server did not start:\n{self.said()}")

    def said(self) -> str:
        """The end of what it has written."""
        self._said.seek(0)
        return self._said.read().decode(errors="replace")[-4_000:]

    def client(self, service: str):
        """A client of AWS's own SDK."""
        import boto3

        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        return boto3.client(service, region_name="eu-west-1", endpoint_url=self.url, **keys)
