//! `builds` and `versions`.

use crate::cluster::{Cluster, data::documented};
use crate::program::Program;

#[test]
fn builds_into_a_pipe_are_whole_and_separated_by_tabs() {
    let cluster = Cluster::start();
    Program::on(&cluster).run("builds ALGO_OWNER/ALGO_NAME").prints(
        "d01d403d-a853-4831-9fff-9783a7b7e956\tsucceeded\t8e36fbf53f57fa1f1b681b1f1ab178b6f989976f\t\
         2021-07-29T21:12:56.442Z\t48s\t-\n\
         8a366318-3ee9-4a0e-8fc9-7e1af60c67bf\tsucceeded\t0b1e586f4db06756775795bcd4b42ad4352b652e\t\
         2021-07-28T18:11:42.749Z\t48s\t0.1.0\n",
    );
}

#[test]
fn json_is_what_the_service_sent() {
    let cluster = Cluster::start();
    let outcome = Program::on(&cluster).run("builds ALGO_OWNER/ALGO_NAME --json");
    let sent: serde_json::Value = serde_json::from_str(documented::BUILDS_JSON).unwrap();
    let printed: serde_json::Value = serde_json::from_slice(&outcome.stdout).unwrap();
    assert_eq!(printed, sent["results"]);
    outcome.is(0, &outcome.stdout, "");
}
