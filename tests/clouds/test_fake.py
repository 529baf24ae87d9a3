"""The fake clouds answer as the real ones would, as far as collectors rely on it."""

import base64
import hashlib
import json
import subprocess
import sys
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import record

HERE = Path(__file__).parent
COMPUTE = "compute.googleapis.com/compute/v1/projects/demo-project"


class Fake:
    """A fake cloud for the time of a test."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-B", str(HERE / "cloud.py"), "gcp", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self) -> "Fake":
        return self

    def __exit__(self, *_: Any) -> None:
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, Any]:
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/_host/{path}", data, method=method)
        for name, value in ({"Authorization": "Bearer ya29.fake"} | headers).items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def pages(self, path: str) -> list[Any]:
        found, token = [], ""
        while token is not None:
            status, page = self.ask(f"{path}?pageToken={token}" if token else path)
            assert status == 200, page
            found.append(page)
            token = page.get("nextPageToken")
        return found


class GcpTest(unittest.TestCase):
    def test_the_tables_are_those_that_the_script_wrote(self) -> None:
        folder = HERE.parents[1] / "collector-child" / "clouds" / "gcp" / "shapes"
        manifest = json.loads((folder / "data" / "MANIFEST.json").read_text())
        sha256 = lambda path: hashlib.sha256(path.read_bytes()).hexdigest()
        self.assertEqual(sha256(folder / "scripts" / "discovery.py"), manifest["script_sha256"], "run it again")
        written = {path.name: sha256(path) for path in (folder / "data").glob("*.gz")}
        self.assertEqual(written, manifest["files_sha256"])

    def test_what_is_recorded_was_made_from_this_fake(self) -> None:
        for cloud in ("azure", "gcp"):
            self.assertEqual(record.recorded(cloud)["inputs"], record.inputs(cloud), f"run record.py {cloud}")

    def test_listings_have_pages_and_places(self) -> None:
        with Fake() as fake:
            pages = fake.pages(f"{COMPUTE}/aggregated/disks")
            self.assertGreater(len(pages), 1)
            scopes = {scope: told for page in pages for scope, told in page["items"].items()}
            self.assertEqual(scopes["global"]["warning"]["code"], "NO_RESULTS_ON_PAGE")
            [disk, _] = scopes["zones/us-east1-b"]["disks"]
            self.assertTrue(disk["zone"].endswith("/projects/demo-project/zones/us-east1-b"))
            self.assertNotIn("region", disk)
            self.assertIn("regions/us-east1", [scope for scope, told in scopes.items() if "disks" in told])
            status, alone = fake.ask(disk["selfLink"].removeprefix("https://"))
            self.assertEqual((status, alone), (200, disk))

    def test_references_lead_to_what_there_is(self) -> None:
        with Fake() as fake:
            _, told = fake.ask(f"{COMPUTE}/zones/us-east1-b/instances")
            for link in (told["items"][0]["networkInterfaces"][0]["subnetwork"], told["items"][0]["machineType"]):
                self.assertEqual(fake.ask(link.removeprefix("https://"))[0], 200, link)

    def test_mild_leaves_out_what_the_peer_trips_over(self) -> None:
        with Fake("--mild") as fake:
            scopes = {s: t for page in fake.pages(f"{COMPUTE}/aggregated/instanceGroups") for s, t in page["items"].items()}
            self.assertTrue(all("instanceGroups" in t for s, t in scopes.items() if s.startswith("zones/")))
            self.assertFalse(any("instanceGroups" in t for s, t in scopes.items() if s.startswith("regions/")))

    def test_labels_need_the_right_fingerprint(self) -> None:
        disk = f"{COMPUTE}/zones/us-east1-b/disks/disk-us-east1-b-0"
        with Fake() as fake:
            before = fake.ask(disk)[1]
            labels = before["labels"] | {"owner": "me"}
            status, told = fake.ask(f"{disk}/setLabels", "POST", {"labels": labels, "labelFingerprint": "b2xk"})
            self.assertEqual((status, told["error"]["errors"][0]["reason"]), (412, "conditionNotMet"))
            body = {"labels": labels, "labelFingerprint": before["labelFingerprint"]}
            self.assertEqual(fake.ask(f"{disk}/setLabels", "POST", body)[0], 200)
            after = fake.ask(disk)[1]
            self.assertEqual(after["labels"], labels)
            self.assertNotEqual(after["labelFingerprint"], before["labelFingerprint"])

    def test_labels_of_newer_apis_need_a_mask(self) -> None:
        instance = "file.googleapis.com/v1/projects/demo-project/locations/us-east1/instances/instance-us-east1-0"
        with Fake() as fake:
            self.assertEqual(fake.ask(instance, "PATCH", {"labels": {"a": "b"}})[0], 400)
            self.assertEqual(fake.ask(f"{instance}?updateMask=labels", "PATCH", {"labels": {"a": "b"}})[0], 200)
            self.assertEqual(fake.ask(instance)[1]["labels"], {"a": "b"})

    def test_what_is_deleted_is_gone(self) -> None:
        bucket = "storage.googleapis.com/storage/v1/b/fake-bucket-0"
        with Fake() as fake:
            self.assertEqual(fake.ask(bucket, "DELETE")[0], 204)
            self.assertEqual(fake.ask(bucket, "DELETE")[0], 404)
            names = [b["name"] for b in fake.ask("storage.googleapis.com/storage/v1/b?project=demo-project")[1]["items"]]
            self.assertEqual(names, ["fake-bucket-1"])

    def test_projects_come_one_by_one(self) -> None:
        projects = "cloudresourcemanager.googleapis.com/v1/projects"
        with Fake("--deny-project", "second-project") as fake:
            told = [p["projectId"] for page in fake.pages(projects) for p in page["projects"]]
            self.assertEqual(told, ["sys-0001", "demo-project"])
            self.assertEqual(fake.ask(f"{projects}/second-project")[0], 403)
            self.assertEqual(fake.ask(f"{projects}/demo-project")[1]["projectNumber"], "100000000002")

    def test_faults_strike_as_often_as_they_are_told(self) -> None:
        zones = f"{COMPUTE}/zones"
        with Fake("--fault", "compute.zones.list@demo-project=throttled:1", "--fault", "compute.zones.*=endless:1") as fake:
            self.assertEqual(fake.ask(zones)[0], 429)
            self.assertEqual(fake.ask(zones)[1]["nextPageToken"], "again-1")
            self.assertEqual(fake.ask(zones)[0], 200)

    def test_tokens_are_given_for_what_a_grant_needs(self) -> None:
        claims = {"iss": "a@b", "aud": "x", "iat": 1, "exp": 3601, "scope": "https://www.googleapis.com/auth/cloud-platform"}
        packed = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        jwt = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": f"e30.{packed}.c2ln"}
        refresh = {"grant_type": "refresh_token", "client_id": "c", "client_secret": "s", "refresh_token": "1//r"}
        with Fake() as fake:
            for form in (jwt, refresh):
                body = urllib.parse.urlencode(form).encode()
                self.assertEqual(fake.ask("oauth2.googleapis.com/token", "POST", body)[1]["access_token"], "ya29.fake")
            body = urllib.parse.urlencode(refresh | {"refresh_token": "old"}).encode()
            self.assertEqual(fake.ask("oauth2.googleapis.com/token", "POST", body)[1]["error"], "invalid_grant")
            metadata = "metadata/computeMetadata/v1/instance/service-accounts/default/token"
            self.assertEqual(fake.ask(metadata, Metadata_Flavor="Google")[1]["access_token"], "ya29.fake")

    def test_nothing_is_answered_without_a_token(self) -> None:
        with Fake() as fake:
            self.assertEqual(fake.ask(f"{COMPUTE}/zones", Authorization="")[0], 401)


if __name__ == "__main__":
    unittest.main()
