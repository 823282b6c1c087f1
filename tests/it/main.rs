//! Tests from the outside: the real program and the library's public interface, against the fake cluster.

#[path = "../cluster/mod.rs"]
mod cluster;
mod program;

mod lists;
mod tidy;
