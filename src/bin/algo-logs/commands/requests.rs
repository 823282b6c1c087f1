//! Notes about requests: each retry and, with `-v`, each request.

use algo_logs::{ClientBuilder, RequestSummary, RetryInfo};

use crate::error::message;
use crate::output::Reporter;

/// Reports each retry and, if `verbose`, each request.
pub(super) fn report(builder: ClientBuilder, reporter: &Reporter, verbose: bool) -> ClientBuilder {
    let (of_retries, of_requests) = (reporter.clone(), reporter.clone());
    let builder = builder.on_retry(move |retry| report_retry(&of_retries, retry));
    if verbose {
        builder.on_request(move |request| of_requests.note(&describe_request(request)))
    } else {
        builder
    }
}

/// Notes what failed, when the next attempt begins, and how many attempts are left.
fn report_retry(reporter: &Reporter, retry: &RetryInfo<'_>) {
    let delay = retry.delay.as_secs_f64();
    let remaining = match retry.attempts_left {
        1 => "1 attempt".to_owned(),
        n => format!("{n} attempts"),
    };
    let rest = format!("; retrying in {delay:.1} s, {remaining} left");
    reporter.retry(&(reporter.fit(&message(retry.error), rest.len()) + &rest));
}

fn describe_request(request: &RequestSummary) -> String {
    let status = request
        .status
        .map_or("-".to_owned(), |status| status.to_string());
    format!(
        "GET {} {status} {} bytes {:.3} s",
        request.url,
        request.bytes,
        request.elapsed.as_secs_f64()
    )
}
