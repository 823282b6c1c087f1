//! The options of the connection: how long to wait, how often to try again.

use crate::cluster::Cluster;
use crate::program::Program;
use crate::settings::LIST;

#[test]
fn no_answer_within_the_timeout() {
    let cluster = Cluster::start();
    let silence = crate::cluster::Reply::raw().stall();
    cluster.script("/v1/algorithms/acme/Empty/builds", silence);
    Program::on(&cluster)
        .run(&format!("{LIST} --timeout 1 --retries 0"))
        .fails(
            1,
            "algo-logs: builds of acme/Empty: the cluster sent nothing for longer than the timeout\n",
        );
}

#[test]
fn it_is_tried_again_as_often_as_said() {
    let cluster = Cluster::start();
    let path = "/v1/algorithms/acme/Empty/builds";
    let failing = || {
        let reply = crate::cluster::Reply::status(503);
        reply.header("Retry-After", "0")
    };
    for retries in [0, 1, 3, 5] {
        let before = cluster.requests().len();
        (0..=retries).for_each(|_| cluster.script(path, failing()));
        let line = match retries {
            3 => LIST.to_owned(),
            _ => format!("{LIST} --retries {retries}"),
        };
        Program::on(&cluster).run(&line).fails(
            1,
            "algo-logs: builds of acme/Empty: the cluster failed (status 503)\n",
        );
        assert_eq!(cluster.requests().len() - before, retries + 1);
    }
    cluster.script(path, failing());
    Program::on(&cluster).run(LIST).prints("");
}

#[test]
fn no_cluster_is_there() {
    let cluster = Cluster::start();
    let (program, port) = (Program::on(&cluster), cluster.port());
    drop(cluster);
    let refused = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap_err();
    program.run(&format!("{LIST} --retries 0")).fails(
        1,
        &format!("algo-logs: builds of acme/Empty: cannot connect to CLUSTER: {refused}\n"),
    );
}
