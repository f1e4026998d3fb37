"""A Hugging Face hub of this machine: its protocol, its CDN, its refusals.

Only what the hub's own library asks for when it reads a model. Large files
are redirected to a CDN on another host, as on the true hub.
"""

import hashlib
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LARGE = ('.safetensors', '.bin', '.pth')


@dataclass
class Repo:
    """A model: its files at one commit, and who may read them."""

    files: dict[str, bytes]
    tags: tuple[str, ...] = ('main', )
    gated: bool = False
    private: bool = False

    @property
    def commit(self) -> str:
        state = hashlib.sha1(repr(sorted(self.files)).encode())
        for name in sorted(self.files):
            state.update(self.files[name])
        return state.hexdigest()


@dataclass
class Request:
    """What was asked, of which of the two hosts."""

    host: str
    method: str
    path: str
    token: str | None
    range: str | None


@dataclass
class Hub:
    """The state of the stub; tests change it and read it."""

    repos: dict[str, Repo] = field(default_factory=dict)
    # Token -> repositories whose licence its account has accepted.
    accounts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: bool = True
    shift: int = 0
    # Whether the answer says which part it is, and how long; bytes too many.
    content_range: bool = True
    content_length: bool = True
    longer: int = 0
    # What tells after the first answers of the CDN that a file has changed.
    changing: str = ''
    # Bytes after which the CDN breaks off, one per request until used up.
    cuts: list[int] = field(default_factory=list)
    delay: float = 0.0
    requests: list[Request] = field(default_factory=list)
    served: Counter = field(default_factory=Counter)
    url: str = ''
    cdn: str = ''

    def add(self, name: str, folder: Path, **more) -> Repo:
        """Upload a folder."""
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.repos[name] = Repo(files, **more)
        return self.repos[name]

    def forget(self) -> None:
        """Start counting anew."""
        self.requests.clear()
        self.served.clear()


def _handler(hub: Hub, host: str):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def log_message(self, *args) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def answer(self) -> None:
            token = self.headers.get('Authorization', '')
            hub.requests.append(
                Request(host, self.command, self.path,
                        token.removeprefix('Bearer ') or None,
                        self.headers.get('Range')))
            path = self.path.partition('?')[0]
            if host == 'cdn':
                return self.send_large(path.strip('/'))
            api = re.fullmatch(r'/api/models/([^/]+/[^/]+)/revision/(.+)',
                               path)
            file = re.fullmatch(r'/([^/]+/[^/]+)/resolve/(.+)/([^/]+)', path)
            if not api and not file:
                return self.refuse(404, 'EntryNotFound', 'no such page')
            name, revision = (api or file)[1], (api or file)[2]
            if self.refused(name, revision, bool(file)):
                return
            if api:
                self.send_info(name)
            else:
                self.send_file(hub.repos[name], file[3])

        def refused(self, name: str, revision: str, content: bool) -> bool:
            repo = hub.repos.get(name)
            token = hub.requests[-1].token
            if token is not None and token not in hub.accounts:
                self.refuse(401, '',
                            'Invalid credentials in Authorization header')
            elif repo is None or (repo.private
                                  and name not in hub.accounts.get(token, ())):
                self.refuse(401 if token is None else 404, 'RepoNotFound',
                            'Repository not found')
            elif content and repo.gated and name not in hub.accounts.get(
                    token, ()):
                self.refuse(401 if token is None else 403, 'GatedRepo',
                            'Access to this model is restricted')
            elif revision not in (*repo.tags, repo.commit):
                self.refuse(404, 'RevisionNotFound', 'Invalid rev id')
            else:
                return False
            return True

        def refuse(self, status: int, code: str, message: str) -> None:
            body = json.dumps(dict(error=message)).encode()
            headers = {'X-Error-Message': message,
                       'Content-Type': 'application/json'}
            if code:
                headers['X-Error-Code'] = code
            self.reply(status, headers, body)

        def reply(self, status: int, headers: dict, body: bytes) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            if self.command != 'HEAD':
                hub.served[host] += len(body)
                self.wfile.write(body)

        def send_info(self, name: str) -> None:
            repo = hub.repos[name]
            siblings = [
                dict(rfilename=file, size=len(body), blobId='0')
                for file, body in repo.files.items()
            ]
            info = dict(
                _id='0', id=name, modelId=name, sha=repo.commit,
                private=repo.private, gated=repo.gated, tags=[],
                downloads=0, likes=0, siblings=siblings)
            self.reply(200, {'Content-Type': 'application/json'},
                       json.dumps(info).encode())

        def send_file(self, repo: Repo, file: str) -> None:
            headers = {'X-Repo-Commit': repo.commit}
            if file not in repo.files:
                body = json.dumps(dict(error='Entry not found')).encode()
                headers['X-Error-Code'] = 'EntryNotFound'
                return self.reply(404, headers, body)
            body = repo.files[file]
            sha256 = hashlib.sha256(body).hexdigest()
            headers['ETag'] = f'"{sha256[:40]}"'
            if not file.endswith(LARGE):
                return self.reply(200, headers, body)
            headers |= {
                'X-Linked-Size': str(len(body)),
                'X-Linked-Etag': f'"{sha256}"',
                'Location': f'{hub.cdn}/{sha256}?Signature=x'
            }
            self.reply(302, headers, b'')

        def send_large(self, sha256: str) -> None:
            body = next(body for repo in hub.repos.values()
                        for body in repo.files.values()
                        if hashlib.sha256(body).hexdigest() == sha256)
            asked = re.fullmatch(r'bytes=(\d+)-(\d*)', self.headers.get(
                'Range', '')) if hub.ranges else None
            if not asked:
                return self.reply(200, {'ETag': f'"{sha256}"'}, body)
            begin = max(int(asked[1]) + hub.shift, 0)
            part = body[begin:int(asked[2] or len(body)) + 1 + hub.shift +
                        hub.longer]
            end = begin + len(part) - 1
            late = sum(r.host == 'cdn' for r in hub.requests) > 2
            total = len(body) + (late and hub.changing == 'total')
            self.send_response(206)
            if hub.changing == 'etag':
                self.send_header('ETag', f'"{sha256}{late}"')
            if hub.content_range:
                self.send_header('Content-Range',
                                 f'bytes {begin}-{end}/{total}')
            if hub.content_length:
                self.send_header('Content-Length', str(len(part)))
            else:  # the end of the connection is the end of the answer
                self.send_header('Connection', 'close')
                self.close_connection = True
            self.end_headers()
            if hub.cuts:
                part = part[:hub.cuts.pop(0)]
                self.close_connection = True
            time.sleep(hub.delay)
            hub.served[host] += len(part)
            self.wfile.write(part)

    return Handler


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub and its CDN, on two addresses of this machine."""
    hub = Hub()
    servers = []
    for host, address in (('hub', '127.0.0.1'), ('cdn', '127.0.0.2')):
        server = ThreadingHTTPServer((address, 0), _handler(hub, host))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01, ),
                         daemon=True).start()
        servers.append(server)
    hub.url, hub.cdn = (f'http://{server.server_address[0]}:'
                        f'{server.server_port}' for server in servers)
    try:
        yield hub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
