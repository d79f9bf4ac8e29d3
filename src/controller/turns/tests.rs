use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use tokio::sync::mpsc::unbounded_channel;

use super::*;

fn key(namespace: &str, name: &str) -> Key {
    let (namespace, name) = (namespace.to_owned(), name.to_owned());
    Key { namespace, name }
}

/// The names that are given out until nothing can be.
fn given(turns: &mut Turns) -> Vec<String> {
    std::iter::from_fn(|| turns.next())
        .map(|key| key.to_string())
        .collect()
}

#[test]
fn a_namespace_that_asks_for_one_object_waits_for_one_of_another_that_asks_for_many() {
    let mut turns = Turns::new(1);
    for number in 0..1000 {
        turns.ask(key("busy", &number.to_string()));
    }
    assert_eq!(given(&mut turns), ["busy/0"]);
    turns.ask(key("quiet", "a"));
    turns.ask(key("quiet", "b"));
    let mut order = Vec::new();
    let mut last = key("busy", "0");
    for _ in 0..5 {
        turns.end(&last);
        last = turns.next().unwrap();
        order.push(last.to_string());
    }
    assert_eq!(
        order,
        ["busy/1", "quiet/a", "busy/2", "quiet/b", "busy/3"],
        "each in its turn, and within a namespace first come, first served"
    );
}

#[test]
fn no_more_are_given_out_than_are_visited_at_once() {
    let mut turns = Turns::new(3);
    for number in 0..5 {
        turns.ask(key("a", &number.to_string()));
    }
    assert_eq!(given(&mut turns), ["a/0", "a/1", "a/2"]);
    turns.end(&key("a", "1"));
    assert_eq!(given(&mut turns), ["a/3"]);
    // Of something that was not given out, because kube visited it by its own clock.
    turns.end(&key("a", "9"));
    assert_eq!(given(&mut turns), [""; 0]);
}

#[test]
fn an_object_is_visited_once_however_often_it_is_asked_for_and_again_when_it_was_under_way() {
    let mut turns = Turns::new(2);
    for _ in 0..3 {
        turns.ask(key("a", "x"));
    }
    assert_eq!(given(&mut turns), ["a/x"]);
    turns.ask(key("a", "x"));
    turns.ask(key("a", "x"));
    turns.ask(key("a", "y"));
    assert_eq!(given(&mut turns), ["a/y"], "x is under way");
    turns.end(&key("a", "x"));
    assert_eq!(given(&mut turns), ["a/x"]);
    turns.end(&key("a", "x"));
    turns.end(&key("a", "y"));
    assert_eq!(given(&mut turns), [""; 0]);
    assert!(turns.waiting.is_empty() && turns.known.is_empty() && turns.under_way.is_empty());
}

#[tokio::test]
async fn who_waits_is_given_out_when_a_visit_ends_and_the_stream_ends_with_who_asks() {
    let (ask, asked) = unbounded_channel();
    let (end, ended) = unbounded_channel();
    let depth = AtomicUsize::default();
    let mut turns = Box::pin(in_turn::<ConfigMap>(asked, ended, 1, |waiting| {
        depth.store(waiting, Relaxed);
    }));
    let object = |name: &str| ObjectRef::<ConfigMap>::new(name).within("a");
    ask.send(object("x")).unwrap();
    ask.send(object("y")).unwrap();
    assert_eq!(turns.next().await, Some(object("x")));
    assert_eq!(turns.next().now_or_never(), None);
    assert_eq!(depth.load(Relaxed), 1);
    end.send(key("a", "x")).unwrap();
    assert_eq!(turns.next().await, Some(object("y")));
    assert_eq!(depth.load(Relaxed), 0);
    drop(ask);
    assert_eq!(turns.next().await, None);
}
