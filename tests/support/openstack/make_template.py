"""Fills the working directory with the databases and keys of an OpenStack that no test has used.

It has what bootstrap gives, the service glance with its user, and the user `publisher` of the project `disks`. No server
runs for that: keystone is called as a function.
"""

import os
import subprocess
import sys

from werkzeug.test import Client

KEYSTONE = "http://10.199.0.2:5050/v3"
GLANCE = "http://10.199.0.2:9292"
USERS = [
    # name, password, project, role
    ("glance", "of-glance", "service", "service"),
    ("publisher", "of-publisher", "disks", "member"),
]


def run(program, *arguments):
    path = os.path.join(os.path.dirname(sys.executable), program)
    subprocess.run([path, *arguments], check=True)


def manage(*arguments):
    run("keystone-manage", "--config-file", "keystone.conf", *arguments)


me = ["--keystone-user", "root", "--keystone-group", "root"]
for directory in ["token-keys", "credential-keys"]:
    os.mkdir(directory, 0o700)
manage("db_sync")
manage("fernet_setup", *me)
manage("credential_setup", *me)
places = ["--bootstrap-public-url", KEYSTONE, "--bootstrap-internal-url", KEYSTONE]
manage("bootstrap", "--bootstrap-password", "of-admin", "--bootstrap-region-id", "here", *places)
for directory in ["images", "staging", "tasks", "cache"]:
    os.mkdir(directory)
run("glance-manage", "--config-file", "glance-api.conf", "db_sync")

os.environ["OS_KEYSTONE_CONFIG_DIR"] = os.getcwd()
from keystone.wsgi.api import application  # noqa: E402: it reads the configuration when it is imported

client = Client(application)
headers = {}


def call(method, path, body=None):
    answer = client.open("/v3" + path, method=method, json=body, headers=headers)
    if answer.status_code >= 300:
        raise SystemExit(f"{method} {path}: {answer.status} {answer.text}")
    return answer


user = {"name": "admin", "password": "of-admin", "domain": {"id": "default"}}
scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
identity = {"methods": ["password"], "password": {"user": user}}
answer = call("POST", "/auth/tokens", {"auth": {"identity": identity, "scope": scope}})
headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]

service = call("POST", "/services", {"service": {"type": "image", "name": "glance"}}).json["service"]["id"]
endpoint = {"service_id": service, "interface": "public", "region_id": "here", "url": GLANCE}
call("POST", "/endpoints", {"endpoint": endpoint})
roles = {role["name"]: role["id"] for role in call("GET", "/roles").json["roles"]}
for name, password, project, role in USERS:
    project = call("POST", "/projects", {"project": {"name": project, "domain_id": "default"}}).json["project"]["id"]
    user = {"name": name, "password": password, "domain_id": "default", "default_project_id": project}
    user = call("POST", "/users", {"user": user}).json["user"]["id"]
    call("PUT", f"/projects/{project}/users/{user}/roles/{roles[role]}")
