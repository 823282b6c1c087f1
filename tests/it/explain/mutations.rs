//! `explain` and the program with random logs, from fixed seeds.

use algo_logs::explain;
use serde_json::Value;

use super::Chopped;
use crate::program::Program;

/// Xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// Explains a log whole and in pieces, and returns what the explanation says.
fn check(log: &[u8], random: &mut Random) {
    let lines = random.below(5);
    let whole = explain(log, lines).unwrap();
    let sizes = [
        random.below(3) + 1,
        random.below(50) + 1,
        random.below(9) + 1,
    ];
    let chopped = explain(Chopped::new(log, &sizes), lines).unwrap();
    assert_eq!(whole, chopped, "{}", log.escape_ascii());
    let (kept, earlier) = (whole.output.len(), whole.earlier.len());
    assert!(kept <= lines && earlier <= 4, "{}", log.escape_ascii());
    assert!((kept + earlier) as u64 <= whole.output_lines);
    let numbers = whole.earlier.iter().map(|line| line.line);
    let cut = whole.output_lines - kept as u64;
    assert!(
        numbers.clone().is_sorted_by(|a, b| a < b),
        "{}",
        log.escape_ascii()
    );
    assert!(
        numbers
            .into_iter()
            .all(|number| (1..=cut).contains(&number))
    );
    let texts = [&whole.stage, &whole.instruction, &whole.error];
    let earlier = whole.earlier.iter().map(|line| &line.text);
    for text in texts
        .into_iter()
        .flatten()
        .chain(&whole.output)
        .chain(earlier)
    {
        assert!(!text.contains(['\n', '\r']), "{}", log.escape_ascii());
    }
}

/// The pieces of random logs, separated by bars.
const PIECES: &str = "\n|\n|\n|\n|\r\n|\r|\x1b[0m|\x1b[91|\x1b]0;|\x07|\x1b\\| |\t|a|é|€|Step 1/2 : |Step 2/2 : |Step 3 : |FROM a|RUN b\
    |Sending build context to Docker daemon| ---> |Running in |0123456789ab|Successfully built |Successfully tagged \
    |Removing intermediate container |The command '|The command [|'|]| returned a non-zero code: |12|Untagged: |error:\
    |Deleted: sha256:|Error response from daemon: |Digest: |#0 building with|#1 |#2 |#3 [|[internal] |load|1/2] |0.25 \
    |DONE|CANCELED|ERROR: |------| > |-------|Dockerfile:1|failed to solve: |exporting|\n#1 0.1 |\n#2 0.1 |\n#1 DONE";

#[test]
fn random_logs_never_panic_and_chunking_does_not_matter() {
    let mut random = Random(1);
    let pieces: Vec<_> = PIECES.split('|').collect();
    for _ in 0..3_000 {
        let mut log = Vec::new();
        for _ in 0..random.below(60) {
            match random.below(20) {
                0 => log.extend(
                    (0..random.below(5))
                        .map(|_| random.below(256) as u8)
                        .collect::<Vec<_>>(),
                ),
                1 if random.below(10) == 0 => {
                    log.extend(b"0123456789abcdef".repeat(random.below(200)))
                }
                _ => log.extend(random.pick(&pieces).bytes()),
            }
        }
        check(&log, &mut random);
    }
}

#[test]
fn mutated_cases_never_panic() {
    let cases = include_str!("../../../fixtures/why/cases.json");
    let cases: Vec<Value> = serde_json::from_str(cases).unwrap();
    let mut random = Random(2);
    for case in cases {
        let log = case["log"].as_str().unwrap();
        for _ in 0..200 {
            check(&mutated(log, &mut random), &mut random);
        }
    }
}

#[test]
fn what_the_program_prints_is_safe() {
    let cases = include_str!("../../../fixtures/why/cases.json");
    let cases: Vec<Value> = serde_json::from_str(cases).unwrap();
    let mut random = Random(3);
    for case in cases {
        for line in [
            "why --file - -q",
            "why --file - -q",
            "why --file - -q --json",
        ] {
            let log = mutated(case["log"].as_str().unwrap(), &mut random);
            let outcome = Program::bare().stdin(&*log).run(line);
            // Nothing is left of the log in rare cases.
            assert!(matches!(outcome.code, Some(0 | 5)), "{outcome:?}");
            for printed in outcome.stdout_text().lines() {
                let is_control = |c: char| c.is_control() && c != '\t';
                assert!(!printed.contains(is_control), "{printed:?}");
                assert!(!printed.contains("##"), "{printed:?}");
                assert!(!printed.trim_start().starts_with("::"), "{printed:?}");
            }
        }
    }
}

/// Drops, doubles, cuts and joins a few lines, and inserts CRs and escape sequences.
fn mutated(log: &str, random: &mut Random) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = log.split_inclusive('\n').map(Into::into).collect();
    for _ in 0..=random.below(6) {
        if lines.is_empty() {
            break;
        }
        let at = random.below(lines.len());
        let place = random.below(lines[at].len() + 1);
        match random.below(6) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => lines[at].truncate(place),
            3 => drop(lines[at].pop()),
            4 => lines[at].insert(place, b'\r'),
            _ => {
                let sequences = [
                    "\x1b[91m",
                    "\x1b]0;t\x07",
                    "\x1b[2J",
                    "\x1b",
                    "\u{9b}31m",
                    "\u{8}",
                    "##[a]",
                    "::a::",
                ];
                let sequence = random.pick(&sequences);
                lines[at].splice(place..place, sequence.bytes());
            }
        }
    }
    lines.concat()
}
