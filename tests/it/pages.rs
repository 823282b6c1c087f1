//! The library's lists: paging, filters, and lookups in lists.

use algo_logs::{Build, BuildStatus, Client, ErrorKind, Pages, Version};

use crate::client::{algorithm, builder, paged};
use crate::cluster::data::{self, lemmatizer};
use crate::cluster::{Cluster, Reply};

const BUILDS: &str = "/v1/algorithms/acme/Paged/builds";

fn client(cluster: &Cluster) -> Client {
    builder(cluster).retries(0).build().unwrap()
}

#[test]
fn lists_are_iterators_over_all_pages() {
    let cluster = Cluster::start();
    let client = client(&cluster);
    let builds = client.builds(&paged()).page_size(20);
    assert!(
        cluster.requests().is_empty(),
        "nothing is sent before next()"
    );
    let builds: Vec<Build> = builds.collect::<Result<_, _>>().unwrap();
    let ids: Vec<&str> = builds.iter().map(|build| &*build.build_id).collect();
    let expected: Vec<String> = (0..57).map(data::paged_build_id).collect();
    assert_eq!(ids, expected);
    let queries: Vec<String> = cluster
        .requests()
        .iter()
        .map(|r| r.query().to_owned())
        .collect();
    assert_eq!(
        queries,
        [
            "limit=20",
            "limit=20&marker=builds%2B20%2Facme%2FPaged%3D%26%20%2525%3B%3F%23",
            "limit=20&marker=builds%2B40%2Facme%2FPaged%3D%26%20%2525%3B%3F%23",
        ]
    );
    let versions = client.versions(&paged()).published(true).callable(false);
    let versions: Vec<Version> = versions.page_size(100).collect::<Result<_, _>>().unwrap();
    assert_eq!(versions.len(), 8);
    let request = cluster.requests().pop().unwrap();
    assert_eq!(request.query(), "published=true&callable=false&limit=100");
    // A repeated setting replaces the earlier one, and the minimum limit is 1.
    let versions = client.versions(&paged()).published(true).published(false);
    assert_eq!(versions.page_size(0).take(2).count(), 2);
    let request = &cluster.requests()[4];
    assert_eq!(request.query(), "published=false&limit=1");
}

#[test]
fn newest_reads_only_the_necessary_pages() {
    let cluster = Cluster::start();
    let newest = |fits: fn(&Build) -> bool| {
        let before = cluster.requests().len();
        let builds = client(&cluster).builds(&paged()).page_size(20);
        let build = builds.matching(fits).newest().unwrap();
        let id = build.map(|build| build.build_id);
        (id, cluster.requests().len() - before)
    };
    assert_eq!(newest(|_| true), (Some(data::paged_build_id(0)), 1));
    let later = |build: &Build| build.build_id == data::paged_build_id(25);
    assert_eq!(newest(later), (Some(data::paged_build_id(25)), 2));
    assert_eq!(newest(|_| false), (None, 3));
}

#[test]
fn a_list_ends_after_its_first_error() {
    let cluster = Cluster::start();
    let mut builds = client(&cluster).builds(&paged()).page_size(30);
    assert_eq!(builds.by_ref().take(30).filter(Result::is_ok).count(), 30);
    cluster.script(BUILDS, Reply::status(500));
    let error = builds.next().unwrap().unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Service, Some(500))
    );
    assert_eq!(
        error.to_string(),
        "builds of acme/Paged: the cluster failed (status 500)"
    );
    // The cluster would now respond normally.
    assert!(builds.next().is_none() && builds.next().is_none());
    assert_eq!(cluster.requests().len(), 2);
}

#[test]
fn a_list_of_empty_pages_ends_after_a_hundred() {
    let cluster = Cluster::start();
    let page = |n: usize, results: &str| {
        Reply::json(
            200,
            &format!(r#"{{"marker":"m{n}","results":[{results}]}}"#),
        )
    };
    // A page with a build resets the count.
    let build = r#"{"build_id":"b","status":"failed","commit_sha":"c","started_at":"t"}"#;
    (0..99).for_each(|n| cluster.script(BUILDS, page(n, "")));
    cluster.script(BUILDS, page(99, build));
    (100..300).for_each(|n| cluster.script(BUILDS, page(n, "")));
    let mut builds = client(&cluster).builds(&paged());
    assert_eq!(builds.next().unwrap().unwrap().build_id, "b");
    let error = builds.next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert_eq!(
        error.to_string(),
        "builds of acme/Paged: the list never ends: 100 pages in a row had no items"
    );
    assert_eq!(cluster.requests().len(), 200);
}

#[test]
fn builds_are_filtered_by_status_and_commit() {
    let cluster = Cluster::start();
    let builds = || client(&cluster).builds(&paged());
    assert_eq!(builds().status(BuildStatus::Failed).count(), 8);
    let commit = data::paged_commit(20);
    let mut of_commit = builds().commit(commit[..7].to_ascii_uppercase());
    assert_eq!(of_commit.next().unwrap().unwrap().commit_sha, commit);
    assert!(of_commit.next().is_none());
    let newest = |pages: Pages<Build>| pages.newest().unwrap();
    let failed = newest(builds().status(BuildStatus::Failed)).unwrap();
    assert_eq!(failed.build_id, data::paged_build_id(6));
    assert_eq!(
        newest(builds().commit(&*commit).status(BuildStatus::Succeeded)),
        None
    );
}

#[test]
fn a_version_is_found_by_its_semantic_version_or_the_first_digits_of_its_hash() {
    let cluster = Cluster::start();
    let client = client(&cluster);
    let lemmatizer = algorithm("acme/Lemmatizer");
    let find = |version: &str| client.find_version(&lemmatizer, version);
    for version in ["1.2.0", "7B1E90C", lemmatizer::VERSION] {
        let found = find(version).unwrap();
        assert_eq!(found.git_hash(), Some(lemmatizer::VERSION), "{version}");
    }
    for version in ["1.2", "7b1e90", "7b1e90d"] {
        let error = find(version).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let message = format!("version {version} of acme/Lemmatizer: there is no such version");
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn algorithms_of_an_owner() {
    let cluster = Cluster::start();
    let client = client(&cluster);
    let algorithms = client.algorithms("acme").unwrap().into_iter();
    let mut names: Vec<_> = algorithms.map(|name| name.unwrap().to_string()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "acme/Big",
            "acme/Empty",
            "acme/Lemmatizer",
            "acme/Paged",
            "acme/Waiting"
        ]
    );
    assert!(client.algorithms("unknown").unwrap().is_empty());
    let error = client.algorithms("a/b").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_build_is_found_by_the_first_characters_of_its_id() {
    let cluster = Cluster::start();
    let client = client(&cluster);
    let lemmatizer = algorithm("acme/Lemmatizer");
    let find = |id: &str| client.find_build(&lemmatizer, id);
    for id in [&lemmatizer::FAILED[..7], lemmatizer::FAILED] {
        assert_eq!(find(id).unwrap().build_id, lemmatizer::FAILED);
    }
    for id in [&lemmatizer::FAILED[..6], "b7d3f1c8"] {
        let error = find(id).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let message = format!("build {id} of acme/Lemmatizer: there is no such build");
        assert_eq!(error.to_string(), message);
    }
    let error = client.find_build(&paged(), "a0000000").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    let ids = format!(
        "{} and {}",
        data::paged_build_id(0),
        data::paged_build_id(1)
    );
    assert_eq!(
        error.to_string(),
        format!("build a0000000 of acme/Paged: ambiguous: matches {ids}")
    );
}
