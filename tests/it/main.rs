//! Tests from the outside: the real program and the library's public interface, against the fake cluster.

#[path = "../cluster/mod.rs"]
mod cluster;
mod program;
mod proxy;

#[cfg(target_os = "linux")]
mod anywhere;
mod cargo;
mod choose;
mod client;
#[cfg(unix)]
mod faults;
mod files;
mod help;
mod library;
mod lists;
mod log;
#[cfg(unix)]
mod outputs;
mod profiles;
mod proxies;
mod recipes;
mod resume;
mod retries;
mod save;
mod secrets;
mod settings;
#[cfg(unix)]
mod terminals;
mod tidy;
mod tls;
mod usage;
