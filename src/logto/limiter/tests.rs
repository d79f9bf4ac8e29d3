use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;
use tokio::time::{advance, sleep};

use super::*;

fn limiter(requests_per_second: u32, burst: u32) -> Arc<Limiter> {
    Arc::new(Limiter::new(RateLimit {
        requests_per_second,
        burst,
    }))
}

/// The times, from now, at which `count` requests of a priority go out; each takes no time.
async fn starts(limiter: &Arc<Limiter>, priority: Priority, count: usize) -> Vec<Duration> {
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let limiter = Arc::clone(limiter);
        tasks.spawn(async move {
            let _permit = limiter.acquire(priority).await;
            begin.elapsed()
        });
    }
    let mut starts = tasks.join_all().await;
    starts.sort();
    starts
}

#[tokio::test(start_paused = true)]
async fn a_burst_goes_out_at_once_and_the_rest_at_the_rate() {
    let starts = starts(&limiter(10, 20), Priority::Foreground, 50).await;
    assert_eq!(starts[19], Duration::ZERO);
    assert_eq!(starts[20].as_millis(), 100);
    assert_eq!(starts[49].as_millis(), 3000);
}

#[tokio::test(start_paused = true)]
async fn the_background_gets_at_most_half_of_the_rate_and_of_the_burst() {
    let starts = starts(&limiter(10, 20), Priority::Background, 40).await;
    assert_eq!(starts[9], Duration::ZERO);
    assert_eq!(starts[10].as_millis(), 200);
    assert_eq!(starts[39].as_millis(), 6000);
}

#[tokio::test(start_paused = true)]
async fn the_background_leaves_half_of_the_rate_to_what_somebody_waits_for() {
    let limiter = limiter(10, 2);
    let background = tokio::spawn({
        let limiter = Arc::clone(&limiter);
        async move { starts(&limiter, Priority::Background, 1000).await }
    });
    tokio::task::yield_now().await;
    let foreground = starts(&limiter, Priority::Foreground, 100).await;
    let seconds = foreground[99].as_secs_f64();
    assert!(
        seconds <= 100.0 / 5.0 + 1.0,
        "100 foreground requests took {seconds} s"
    );
    background.abort();
}

#[tokio::test(start_paused = true)]
async fn no_more_than_four_requests_are_under_way_and_no_more_than_two_of_the_background() {
    for (priority, most) in [(Priority::Foreground, 4), (Priority::Background, 2)] {
        let limiter = limiter(0, 0);
        let under_way = Arc::new(AtomicUsize::new(0));
        let highest = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..40 {
            let (limiter, under_way, highest) = (
                Arc::clone(&limiter),
                Arc::clone(&under_way),
                Arc::clone(&highest),
            );
            tasks.spawn(async move {
                let _permit = limiter.acquire(priority).await;
                highest.fetch_max(
                    under_way.fetch_add(1, Ordering::SeqCst) + 1,
                    Ordering::SeqCst,
                );
                sleep(Duration::from_millis(20)).await;
                under_way.fetch_sub(1, Ordering::SeqCst);
            });
        }
        tasks.join_all().await;
        assert_eq!(highest.load(Ordering::SeqCst), most, "{priority:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_nothing_waits() {
    let starts = starts(&limiter(0, 0), Priority::Foreground, 1000).await;
    assert_eq!(starts[999], Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_everybody_and_the_longer_one_counts() {
    for priority in [Priority::Foreground, Priority::Background] {
        let limiter = limiter(0, 0);
        limiter.pause(Duration::from_secs(30));
        limiter.pause(Duration::from_secs(5));
        let starts = starts(&limiter, priority, 10).await;
        assert_eq!(starts[0].as_secs(), 30, "{priority:?}");
        limiter.pause(Duration::ZERO);
        drop(limiter.acquire(priority).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_who_waits_already() {
    let limiter = limiter(1, 1);
    drop(limiter.acquire(Priority::Foreground).await);
    let (starts, ()) = tokio::join!(starts(&limiter, Priority::Foreground, 3), async {
        sleep(Duration::from_millis(500)).await;
        limiter.pause(Duration::from_secs(30));
    });
    let milliseconds: Vec<_> = starts.iter().map(Duration::as_millis).collect();
    assert_eq!(milliseconds, [30_500, 31_500, 32_500]);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_waiting_costs_the_others_nothing() {
    let limiter = limiter(1, 1);
    drop(limiter.acquire(Priority::Foreground).await);
    for _ in 0..10 {
        let waiting = limiter.acquire(Priority::Foreground);
        tokio::time::timeout(Duration::from_millis(50), waiting)
            .await
            .unwrap_err();
    }
    // The first request was at 0 s, giving up took half a second: the next one is still due at 1 s.
    let next = starts(&limiter, Priority::Foreground, 1).await[0];
    assert_eq!(next.as_millis(), 500);
}

#[tokio::test(start_paused = true)]
async fn requests_go_out_in_the_order_in_which_they_came() {
    let limiter = limiter(10, 1);
    let mut tasks = JoinSet::new();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    for number in 0..20 {
        let (limiter, order) = (Arc::clone(&limiter), Arc::clone(&order));
        tasks.spawn(async move {
            let _permit = limiter.acquire(Priority::Foreground).await;
            order.lock().unwrap().push(number);
        });
        advance(Duration::from_millis(1)).await;
    }
    tasks.join_all().await;
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
}
