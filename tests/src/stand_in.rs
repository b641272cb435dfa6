//! A stand-in for the program, to test the harness itself: it starts, answers, stops and fails as it is told. No story
//! runs on it.

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use crate::command::Program;

const SCRIPT: &str = r#"#!/usr/bin/env python3
import http.server, json, os, pathlib, signal, sys

here = pathlib.Path(__file__).parent
with open(here / "calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:3]) + "\n")

def clock():
    return pathlib.Path(os.environ["NARYAD_CLOCK_FILE"]).read_text()

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"now": clock(), "say": os.environ.get("STAND_IN_SAY", "")}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

def serve():
    if os.environ.get("STAND_IN_REFUSE"):
        sys.exit("  WARN refused: " + os.environ["STAND_IN_REFUSE"])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(int(os.environ.get("STAND_IN_EXIT", "0"))))
    if os.environ.get("STAND_IN_ERROR"):
        print("2026-03-02T06:00:00Z ERROR naryad: " + os.environ["STAND_IN_ERROR"], file=sys.stderr, flush=True)
    print("starting", flush=True)
    print(f"Наряд готов: http://127.0.0.1:{server.server_port}/docs", flush=True)
    server.serve_forever()

command = sys.argv[1:3]
if command[0] == "serve":
    serve()
elif command[1:] == ["verify"]:
    print("0 findings")
    sys.exit(int(os.environ.get("STAND_IN_" + command[0].upper(), "0")))
elif command == ["user", "create"]:
    assert sys.stdin.read().strip(), "no password"
    print(json.dumps({"id": "0195a3c0-0000-7000-8000-000000000002"}))
elif command == ["org", "create"]:
    print(json.dumps({"id": "0195a3c0-0000-7000-8000-000000000001"}))
"#;

/// A stand-in in a folder of its own.
#[derive(Debug)]
pub(crate) struct Scene {
    dir: TempDir,
    program: Program,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("naryad");
        std::fs::write(&path, SCRIPT).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { program: Program::at(path), dir }
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    /// How often a command was called.
    pub(crate) fn count(&self, command: &str) -> usize {
        let calls = std::fs::read_to_string(self.dir.path().join("calls")).unwrap_or_default();
        calls.lines().filter(|line| *line == command).count()
    }
}
