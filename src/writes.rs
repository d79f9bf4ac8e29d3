//! How much a visit wrote. It is counted where requests leave the process, which is deep below the visit and knows nothing of
//! it, so the count goes with the task.

use std::cell::Cell;

tokio::task_local! {
    static WRITES: Cell<Writes>;
}

/// Requests that may have changed something, whatever came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    /// To Logto.
    pub logto: u32,
    /// To the API server, status and events among them.
    pub cluster: u32,
}

/// Does something, and counts what is written meanwhile.
pub async fn counted<T>(visit: impl Future<Output = T>) -> (T, Writes) {
    let visit = async {
        let result = visit.await;
        (result, WRITES.with(Cell::get))
    };
    WRITES.scope(Cell::default(), visit).await
}

/// A write to Logto leaves.
pub fn to_logto() {
    count(|writes| writes.logto += 1);
}

/// A write to the API server leaves.
pub fn to_cluster() {
    count(|writes| writes.cluster += 1);
}

/// What is written outside of a visit, such as a lease, is not counted.
fn count(one: impl Fn(&mut Writes)) {
    let _ = WRITES.try_with(|cell| {
        let mut writes = cell.get();
        one(&mut writes);
        cell.set(writes);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_visit_has_its_own_count() {
        to_logto();
        let one = counted(async {
            to_logto();
            tokio::task::yield_now().await;
            to_cluster();
            to_cluster();
        });
        let other = counted(async {
            tokio::task::yield_now().await;
            to_cluster();
            "done"
        });
        let (((), one), (done, other)) = tokio::join!(one, other);
        assert_eq!(
            one,
            Writes {
                logto: 1,
                cluster: 2
            }
        );
        assert_eq!((done, other.logto, other.cluster), ("done", 0, 1));
    }
}
