//! Integration tests of the program and of the library's public interface, against the fake cluster.

#[path = "../cluster/mod.rs"]
mod cluster;
mod program;
mod proxy;

mod algorithms;
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "only Linux has the static program")
)]
mod cargo;
mod client;
mod connection;
mod explain;
mod fake_cluster;
#[cfg(unix)]
mod faults;
mod files;
mod help;
mod library;
mod lists;
mod log;
mod log_wait;
#[cfg(unix)]
mod outputs;
mod owner;
mod pages;
#[cfg(unix)]
mod permissions;
mod profiles;
mod proxies;
#[cfg(unix)]
mod readme;
mod resume;
mod retries;
mod save;
mod secrets;
mod selection;
mod settings;
mod shutdown;
#[cfg(target_os = "linux")]
mod static_program;
#[cfg(target_os = "linux")]
mod terminals;
mod tidy;
mod tls;
mod usage;
mod waiting;
mod why;
