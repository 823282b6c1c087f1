//! The real program, run as from a shell, with only the environment that a test sets.

#[cfg(unix)]
use std::ffi::OsStr;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cluster::{Cluster, KEY};

/// The path of the profiles file in [`Program::home`].
pub const PROFILES: &str = if cfg!(windows) {
    r"Algorithmia\config"
} else {
    ".algorithmia/config"
};

/// Builds and runs command lines.
#[derive(Clone, Debug)]
pub struct Program {
    env: Vec<(String, OsString)>,
    stdin: Vec<u8>,
    current_dir: Option<PathBuf>,
    url: Option<String>,
}

impl Program {
    /// Creates the program without any environment.
    pub fn bare() -> Program {
        Program {
            env: Vec::new(),
            stdin: Vec::new(),
            current_dir: None,
            url: None,
        }
    }

    /// Creates the program with the cluster and its key in the environment. In the output, the cluster's URL is
    /// replaced by `CLUSTER`.
    pub fn on(cluster: &Cluster) -> Program {
        Program {
            url: Some(cluster.url()),
            ..Program::bare()
                .env("ALGORITHMIA_API", cluster.url())
                .env("ALGORITHMIA_API_KEY", KEY)
        }
    }

    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Program {
        self.env.retain(|(other, _)| other != name);
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the home directory, in which the program looks for [`PROFILES`].
    pub fn home(self, dir: impl Into<OsString>) -> Program {
        let name = if cfg!(windows) {
            "LOCALAPPDATA"
        } else {
            "HOME"
        };
        self.env(name, dir)
    }

    pub fn without(mut self, name: &str) -> Program {
        self.env.retain(|(other, _)| other != name);
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Program {
        self.stdin = bytes.into();
        self
    }

    pub fn current_dir(mut self, path: impl Into<PathBuf>) -> Program {
        self.current_dir = Some(path.into());
        self
    }

    /// Returns the command, for tests that need more than `run`. `line` is split at spaces.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_algo-logs"));
        command
            .args(line.split_whitespace())
            .env_clear()
            // Windows cannot open sockets without it.
            .envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)))
            .envs(self.env.iter().cloned())
            .stdin(Stdio::null());
        if let Some(path) = &self.current_dir {
            command.current_dir(path);
        }
        command
    }

    /// Runs a command line, split at spaces.
    #[track_caller]
    pub fn run(&self, line: &str) -> Outcome {
        self.finish(&mut self.command(line))
    }

    /// Runs a command line whose words may contain spaces.
    #[track_caller]
    pub fn run_words(&self, words: &[&str]) -> Outcome {
        self.finish(self.command("").args(words))
    }

    #[track_caller]
    fn finish(&self, command: &mut Command) -> Outcome {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdin = child.stdin.take();
        // The program may not read its stdin.
        let _ = stdin.map(|mut pipe| pipe.write_all(&self.stdin));
        let output = child.wait_with_output().expect("the program ends");
        Outcome::new(output, self.url.as_deref())
    }
}

/// Makes `wrapper` run `inner`, with the environment of `inner` and a PATH of the system's programs.
#[cfg(unix)]
pub fn wrap(mut wrapper: Command, inner: &Command) -> Command {
    wrapper
        .arg(inner.get_program())
        .args(inner.get_args())
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .envs(
            inner
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    wrapper
}

/// Copies a program with a child process. If this process wrote the copy, a child of another test could have it open
/// for writing when it should run.
#[cfg(unix)]
pub fn copy_program(from: impl AsRef<OsStr>, to: &str) {
    let copied = Command::new("cp")
        .args([from.as_ref(), to.as_ref()])
        .status();
    assert!(copied.unwrap().success());
}

/// The result of a run.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Outcome {
    pub fn new(output: Output, url: Option<&str>) -> Outcome {
        let mut stderr = String::from_utf8(output.stderr).expect("stderr is UTF-8");
        if let Some(url) = url {
            stderr = stderr.replace(url, "CLUSTER");
        }
        Outcome {
            code: output.status.code(),
            stdout: output.stdout,
            stderr,
        }
    }

    /// Compares the exit code, stdout and stderr exactly.
    #[track_caller]
    pub fn is(&self, code: i32, stdout: impl AsRef<[u8]>, stderr: &str) {
        let stdout = String::from_utf8_lossy(stdout.as_ref());
        assert_eq!(
            (self.code, &*self.stdout_text(), &*self.stderr),
            (Some(code), &*stdout, stderr)
        );
    }

    /// Expects success with nothing on stderr.
    #[track_caller]
    pub fn prints(&self, stdout: impl AsRef<[u8]>) {
        self.is(0, stdout, "");
    }

    /// Expects a failure with nothing on stdout.
    #[track_caller]
    pub fn fails(&self, code: i32, stderr: &str) {
        self.is(code, "", stderr);
    }

    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Returns the system's error for a file that cannot be opened.
#[track_caller]
pub fn open_error(path: &str) -> String {
    let error = std::fs::File::open(path).expect_err("it cannot be opened");
    error.to_string()
}

/// A separate directory for a test, removed when dropped.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> TempDir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("algo-logs-test-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match std::fs::create_dir(&path) {
                Ok(()) => return TempDir(path),
                // A killed process with the same ID left it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("a directory cannot be made: {error}"),
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns a path in the directory, as text for a command line.
    pub fn join(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.join(name);
        std::fs::write(&path, content).expect("a file can be written");
        path
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.join(name)).expect("the file is there")
    }

    /// Returns the sorted names of the directory's entries.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("the directory is there");
        let mut names: Vec<String> = entries
            .map(|entry| {
                let entry = entry.expect("the directory can be read");
                entry.file_name().to_string_lossy().into_owned()
            })
            .collect();
        names.sort();
        names
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
