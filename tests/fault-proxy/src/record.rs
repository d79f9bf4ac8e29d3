//! What went through, in one row for all proxies that share it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use http::HeaderMap;
use tokio::sync::{oneshot, watch};

use crate::fault::{Fault, Rule};

/// One request that came, and what was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Which proxy it came to.
    pub server: &'static str,
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The how manieth write it is, from 1; none for what changes nothing.
    pub write: Option<usize>,
    /// The status that was answered; none when there was no answer, or not yet.
    pub status: Option<u16>,
    /// When it came.
    pub at: Instant,
}

/// When a write is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the server sees it: it has no effect.
    Before,
    /// When the server has answered: it has its effect, but the client does not know.
    After,
}

/// Says that the write is held; it stays so until its client goes away.
pub type Held = oneshot::Receiver<Exchange>;

/// The row of exchanges.
#[derive(Default)]
pub struct Record {
    state: Mutex<State>,
    /// Counts how often all streams fell silent.
    silenced: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    exchanges: Vec<Exchange>,
    writes: usize,
    hold: Option<(usize, Moment, oneshot::Sender<Exchange>)>,
    rules: Vec<Rule>,
}

/// What a proxy does with a request.
pub(crate) struct Course {
    /// Its place in the row.
    pub(crate) place: usize,
    /// What happens to it.
    pub(crate) fault: Option<Fault>,
    /// When it is held, and whom to tell.
    pub(crate) hold: Option<(Moment, oneshot::Sender<Exchange>)>,
}

impl Record {
    /// An empty row.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Holds the write of this number, once.
    pub fn hold(&self, write: usize, moment: Moment) -> Held {
        let (tell, held) = oneshot::channel();
        self.state().hold = Some((write, moment, tell));
        held
    }

    /// Adds a rule; the first that matches and has hits left is the one that counts.
    pub fn fail(&self, rule: Rule) {
        self.state().rules.push(rule);
    }

    /// Forgets every rule.
    pub fn clear_rules(&self) {
        self.state().rules.clear();
    }

    /// How many hits the rules have left.
    pub fn hits_left(&self) -> usize {
        self.state().rules.iter().map(|rule| rule.times).sum()
    }

    /// From now on nothing comes any more of the answers that are under way, such as running watches, as when a firewall
    /// forgets their connections. New ones go their way.
    pub fn silence_streams(&self) {
        self.silenced.send_modify(|times| *times += 1);
    }

    pub(crate) fn silenced(&self) -> watch::Receiver<u64> {
        self.silenced.subscribe()
    }

    /// How many writes came so far.
    pub fn writes(&self) -> usize {
        self.state().writes
    }

    /// All that came so far, oldest first.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.state().exchanges.clone()
    }

    pub(crate) fn begin(
        &self,
        server: &'static str,
        method: &str,
        path: &str,
        headers: &HeaderMap,
        is_write: bool,
    ) -> Course {
        let mut state = self.state();
        let write = is_write.then(|| {
            state.writes += 1;
            state.writes
        });
        let place = state.exchanges.len();
        state.exchanges.push(Exchange {
            server,
            method: method.to_owned(),
            path: path.to_owned(),
            write,
            status: None,
            at: Instant::now(),
        });
        let rule = state
            .rules
            .iter_mut()
            .find(|rule| rule.times > 0 && (rule.matches)(method, path, headers));
        let fault = rule.map(|rule| {
            rule.times -= 1;
            rule.fault.clone()
        });
        let hold = state
            .hold
            .take_if(|(number, _, _)| write == Some(*number))
            .map(|(_, moment, tell)| (moment, tell));
        Course { place, fault, hold }
    }

    pub(crate) fn answered(&self, place: usize, status: u16) {
        if let Some(exchange) = self.state().exchanges.get_mut(place) {
            exchange.status = Some(status);
        }
    }

    pub(crate) fn exchange(&self, place: usize) -> Option<Exchange> {
        self.state().exchanges.get(place).cloned()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
