//! `explain` with failing readers and hostile logs.

use std::io::{self, Read};

use algo_logs::{Error, ErrorKind, explain};

use super::Chopped;

/// A reader that fails after the end of the log.
struct Failing<'a, F>(&'a [u8], F);

impl<F: Fn() -> io::Error> Read for Failing<'_, F> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buf)? {
            0 => Err((self.1)()),
            n => Ok(n),
        }
    }
}

#[test]
fn an_error_of_the_reader_is_returned() {
    let library_error = || io::Error::from("no-slash".parse::<algo_logs::Algorithm>().unwrap_err());
    let error = explain(Failing(b"a\n", library_error), 40).unwrap_err();
    assert_eq!(error.to_string(), "'no-slash' is not OWNER/NAME");

    let error: Error = explain(Failing(b"a\n", || io::ErrorKind::NotFound.into()), 40).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string()),
        (ErrorKind::Incomplete, "cannot read the log".to_owned())
    );
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "entity not found");
}

#[test]
fn a_reader_that_returns_a_false_length_does_not_cause_a_panic() {
    struct Liar(usize);
    impl Read for Liar {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Ok(std::mem::take(&mut self.0))
        }
    }
    assert_eq!(explain(Liar(usize::MAX), 40).unwrap().builder, None);
}

/// The pieces of random logs, separated by bars.
const PIECES: &str = "\n|\n|\n|\n|\r\n|\r|\x1b[0m|\x1b[91|\x1b]0;|\x07|\x1b\\| |\t|a|é|€|Step 1/2 : |Step 3 : |FROM a|RUN b\
    |Sending build context to Docker daemon| ---> |Running in |0123456789ab|Successfully built \
    |Removing intermediate container |The command '|The command [|'|]| returned a non-zero code: |12|Untagged: \
    |Deleted: sha256:|Error response from daemon: |Digest: |#0 building with|#1 |#2 |#3 [|[internal] |1/2] |0.25 \
    |DONE|CANCELED|ERROR: |------|-------|Dockerfile:1|failed to solve";

#[test]
fn random_logs_never_panic_and_chunking_does_not_matter() {
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    let pieces: Vec<_> = PIECES.split('|').collect();
    for _ in 0..3_000 {
        let mut log = Vec::new();
        for _ in 0..random(60) {
            match random(20) {
                0 => log.extend((0..random(5)).map(|_| random(256) as u8)),
                1 if random(10) == 0 => log.extend(b"0123456789abcdef".repeat(random(200))),
                _ => log.extend(pieces[random(pieces.len())].bytes()),
            }
        }
        let sizes = [random(3) + 1, random(50) + 1, random(9) + 1];
        let lines = random(5);
        let whole = explain(&log[..], lines).unwrap();
        let chopped = explain(Chopped::new(&log, &sizes), lines).unwrap();
        assert_eq!(whole, chopped, "{}", log.escape_ascii());
        assert!(whole.output.len() <= lines);
    }
}

/// Reads logs that would take much memory if anything were kept without a bound: several kinds of long lines, long
/// output, and many steps, open vertices and errors.
#[cfg(target_os = "linux")]
#[test]
fn memory_is_bounded() {
    const CHILD: &str = "ALGO_LOGS_TEST_HOSTILE_LOGS";
    let name = "explain::bounds::memory_is_bounded";
    if std::env::var_os(CHILD).is_none() {
        // Run in a separate process, because the high-water mark is per process.
        let program = std::env::current_exe().unwrap();
        let mut child = std::process::Command::new(program);
        let output = child
            .args([name, "--exact"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(
            output.status.success() && out.contains("1 passed"),
            "{out}{err}"
        );
        return;
    }
    let long = "x".repeat(1_999);
    let run = "Step 1/1 : RUN make\n ---> Running in 0123456789ab\n";
    let vertex = "#1 [1/1] a\n";
    // The beginning of a log and the part to repeat, in which a number replaces `@`.
    let logs = [
        ("", "x".repeat(1_000)),
        ("", "x\r".repeat(500)),
        ("", "\x1b[0mx".repeat(200)),
        ("", "\x1b]0;".repeat(200)),
        ("", format!("{long}\n")),
        ("", format!("{run}{long}\n")),
        (
            run,
            format!("{long}\nThe command '@' returned a non-zero code: 1\n"),
        ),
        (vertex, "#@ [1/2] a\n".to_owned()),
        (
            vertex,
            format!("#@ 0.1 {long}\n#@ [1/2] {long}\n#@ CANCELED\n"),
        ),
        (
            vertex,
            format!("#1 0.1 {long}\n#2 0.1 a\n#3 0.1 {long}\n#4 0.1 {long}\n"),
        ),
    ];
    let explain_all = |size| {
        for (beginning, repeated) in &logs {
            let mut made = 0;
            let pieces = (1..).map_while(|n: u32| {
                let piece = repeated.replace('@', &n.to_string());
                made += piece.len();
                (made < size).then_some(piece)
            });
            let log = Pieces(pieces, io::Cursor::new((*beginning).to_owned()));
            let failure = explain(log, 100).unwrap();
            assert!(failure.output.iter().all(|line| line.len() <= 2_000));
        }
    };
    // The first call also counts the memory of the code itself.
    explain_all(500_000);
    let before = high_water_mark();
    explain_all(5_000_000);
    let grown = high_water_mark() - before;
    assert!(grown < 1 << 20, "{} KiB", grown >> 10);
}

/// A reader of the pieces of an iterator.
#[cfg(target_os = "linux")]
struct Pieces<I>(I, io::Cursor<String>);

#[cfg(target_os = "linux")]
impl<I: Iterator<Item = String>> Read for Pieces<I> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.1.read(buf)?;
            if n > 0 {
                return Ok(n);
            }
            match self.0.next() {
                Some(piece) => self.1 = io::Cursor::new(piece),
                None => return Ok(0),
            }
        }
    }
}

/// Returns the peak memory of this process in bytes.
#[cfg(target_os = "linux")]
fn high_water_mark() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<u64>().unwrap() * 1024
}
