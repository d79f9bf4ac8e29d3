//! In which order objects are visited: one namespace after the other, so that who asks for much makes only himself wait.
//!
//! kube's own queue is first come, first served. So it is given only what can be visited at once; the rest waits here.

use std::collections::{HashMap, HashSet, VecDeque};

use futures::{Stream, stream};
use kube::{Resource, runtime::reflector::ObjectRef};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::domain::precedence::Key;

/// Gives out what is asked for, each namespace in its turn, as long as fewer than `at_once` visits are under way. `ended` has
/// to say of each that it ended; `depth` is told how many wait. The stream ends when nobody can ask any more.
pub fn in_turn<K>(
    asked: UnboundedReceiver<ObjectRef<K>>,
    ended: UnboundedReceiver<Key>,
    at_once: usize,
    depth: impl Fn(usize) + Send,
) -> impl Stream<Item = ObjectRef<K>> + Send
where
    K: Resource<DynamicType = ()> + 'static,
{
    let state = (asked, ended, depth, Turns::new(at_once));
    stream::unfold(
        state,
        |(mut asked, mut ended, depth, mut turns)| async move {
            loop {
                // First all that is known by now, so that nobody's turn is passed over.
                while let Ok(key) = ended.try_recv() {
                    turns.end(&key);
                }
                while let Ok(object) = asked.try_recv() {
                    turns.ask(key(object));
                }
                let next = turns.next();
                depth(turns.known.len());
                if let Some(Key { namespace, name }) = next {
                    let object = ObjectRef::new(&name).within(&namespace);
                    return Some((object, (asked, ended, depth, turns)));
                }
                tokio::select! {
                    object = asked.recv() => turns.ask(key(object?)),
                    Some(key) = ended.recv() => turns.end(&key),
                }
            }
        },
    )
}

/// Namespace and name of what a reference names.
pub fn key<K: Resource>(object: ObjectRef<K>) -> Key {
    Key {
        namespace: object.namespace.unwrap_or_default(),
        name: object.name,
    }
}

/// What waits, each object once, and what is under way.
#[derive(Debug)]
struct Turns {
    at_once: usize,
    /// Those with waiting objects; the first one is next.
    namespaces: VecDeque<String>,
    /// What waits in a namespace, in the order in which it was asked for.
    waiting: HashMap<String, VecDeque<Key>>,
    /// All that wait.
    known: HashSet<Key>,
    under_way: HashSet<Key>,
}

impl Turns {
    fn new(at_once: usize) -> Self {
        Self {
            at_once,
            namespaces: VecDeque::new(),
            waiting: HashMap::new(),
            known: HashSet::new(),
            under_way: HashSet::new(),
        }
    }

    fn ask(&mut self, key: Key) {
        if !self.known.insert(key.clone()) {
            return;
        }
        let namespace = key.namespace.clone();
        if let Some(keys) = self.waiting.get_mut(&namespace) {
            keys.push_back(key);
        } else {
            self.namespaces.push_back(namespace.clone());
            self.waiting.insert(namespace, VecDeque::from([key]));
        }
    }

    fn end(&mut self, key: &Key) {
        self.under_way.remove(key);
    }

    /// The next object, which counts as under way until its end. An object is not visited twice at the same time, so one that
    /// was asked for again meanwhile waits for its end.
    fn next(&mut self) -> Option<Key> {
        if self.under_way.len() >= self.at_once {
            return None;
        }
        for _ in 0..self.namespaces.len() {
            let namespace = self.namespaces.pop_front()?;
            let found = self.take(&namespace);
            if self.waiting.contains_key(&namespace) {
                self.namespaces.push_back(namespace);
            }
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn take(&mut self, namespace: &str) -> Option<Key> {
        let keys = self.waiting.get_mut(namespace)?;
        // At most as many are passed over as are under way.
        let at = keys.iter().position(|key| !self.under_way.contains(key))?;
        let key = keys.remove(at)?;
        if keys.is_empty() {
            self.waiting.remove(namespace);
        }
        self.known.remove(&key);
        self.under_way.insert(key.clone());
        Some(key)
    }
}

#[cfg(test)]
mod tests;
