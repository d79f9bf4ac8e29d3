use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::Response;
use serde_json::{Value, json};

use super::server::{Seen, Server, json, role, with_header};
use crate::logto::{Error, Operation, StopCause, Unexpected};

/// A server whose list of roles is what `rows` gives for the nth reading: page 1 begins a reading.
async fn server(
    total: usize,
    rows: impl Fn(usize) -> Vec<String> + Send + Sync + 'static,
) -> Server {
    let readings = AtomicUsize::new(0);
    Server::start(move |seen| {
        let page = page_of(seen)?;
        let reading = match page {
            1 => readings.fetch_add(1, Ordering::SeqCst) + 1,
            _ => readings.load(Ordering::SeqCst),
        };
        let ids = rows(reading);
        let page: Vec<Value> = ids
            .chunks(100)
            .nth(page - 1)
            .unwrap_or_default()
            .iter()
            .map(|id| role(id))
            .collect();
        Some(with_header(
            json(200, json!(page)),
            "total-number",
            &total.to_string(),
        ))
    })
    .await
}

fn page_of(seen: &Seen) -> Option<usize> {
    let query = seen.path.strip_prefix("/api/roles?")?;
    query
        .strip_prefix("page=")?
        .strip_suffix("&page_size=100")?
        .parse()
        .ok()
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("x{number:03}")).collect()
}

#[tokio::test]
async fn all_pages_are_read_by_the_count_of_the_rows() {
    for (count, pages) in [(0, 1), (1, 1), (100, 1), (101, 2), (250, 3)] {
        let server = server(count, move |_| ids(count)).await;
        let listing = server.client().await.list_roles().await.unwrap();
        let listed: Vec<_> = listing.rows.iter().map(|row| row.role.id.clone()).collect();
        assert_eq!(listed, ids(count));
        assert!(listing.complete);
        assert_eq!(server.count("/api/roles"), pages, "{count} rows");
    }
}

#[tokio::test]
async fn a_row_that_slipped_between_the_pages_is_found_by_reading_again() {
    // The first reading has row 0 twice and lacks row 120; the second is whole.
    let server = server(150, |reading| {
        let mut ids = ids(150);
        if reading == 1 {
            ids[120] = "x000".to_owned();
        }
        ids
    })
    .await;
    let listing = server.client().await.list_roles().await.unwrap();
    assert_eq!(listing.rows.len(), 150);
    assert!(listing.complete);
    assert_eq!(server.count("/api/roles"), 4);
}

#[tokio::test]
async fn two_readings_that_lack_different_rows_are_united() {
    let server = server(150, |reading| {
        let mut ids = ids(150);
        ids[100 + reading] = "x000".to_owned();
        ids
    })
    .await;
    let listing = server.client().await.list_roles().await.unwrap();
    assert_eq!(listing.rows.len(), 150);
    assert!(listing.complete);
    assert_eq!(server.count("/api/roles"), 4);
}

#[tokio::test]
async fn a_list_that_never_adds_up_is_said_to_be_incomplete() {
    let server = server(150, |_| {
        let mut ids = ids(150);
        ids[120] = "x000".to_owned();
        ids
    })
    .await;
    let listing = server.client().await.list_roles().await.unwrap();
    assert_eq!(listing.rows.len(), 149);
    assert!(!listing.complete);
    assert_eq!(server.count("/api/roles"), 6, "three readings of two pages");
}

#[tokio::test]
async fn a_count_that_is_absurd_or_missing_is_refused_and_one_too_high_ends_with_the_rows() {
    let refused = |answer: fn() -> Response| async move {
        let server = Server::start(move |seen| seen.path.starts_with("/api/").then(answer)).await;
        server.client().await.list_roles().await.unwrap_err()
    };
    let error = |what| {
        let cause = StopCause::Unexpected { status: 200, what };
        Error::Stop {
            operation: Operation::ListRoles,
            cause,
        }
    };
    let absurd = || with_header(json(200, json!([])), "total-number", "18446744073709551615");
    assert_eq!(refused(absurd).await, error(Unexpected::TooLarge));
    let garbled = || with_header(json(200, json!([])), "total-number", "-1");
    assert_eq!(refused(garbled).await, error(Unexpected::NoTotal));
    assert_eq!(
        refused(|| json(200, json!([]))).await,
        error(Unexpected::NoTotal)
    );

    let server = server(100_000, |_| ids(100)).await;
    let listing = server.client().await.list_roles().await.unwrap();
    assert!(!listing.complete);
    assert_eq!(
        server.count("/api/roles"),
        6,
        "the empty second page ends each reading"
    );
}
