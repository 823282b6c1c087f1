//! `explain` with failing readers and hostile logs.

use std::io::{self, Read};

use algo_logs::{Error, explain};

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
    let error: Error = error.downcast().unwrap();
    assert_eq!(error.to_string(), "'no-slash' is not OWNER/NAME");

    let error = explain(Failing(b"a\n", || io::ErrorKind::NotFound.into()), 40).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
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
        (
            run,
            format!("{long}\nSuccessfully built 0123456789ab\nerror: {long}\n"),
        ),
        (vertex, "#@ [1/2] a\n".to_owned()),
        (
            vertex,
            format!("{long}\nDockerfile:1\n-------\n{long}\nfailed to solve: {long}: \n{long}: \n"),
        ),
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
    // The first call also counts the memory of the code itself, and of all that may be kept.
    explain_all(2_000_000);
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
