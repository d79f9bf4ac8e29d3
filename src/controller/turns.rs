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

fn key<K: Resource>(object: ObjectRef<K>) -> Key {
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
    /// The names that wait in a namespace, in the order in which they were asked for.
    waiting: HashMap<String, VecDeque<String>>,
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
        let Key { namespace, name } = key;
        if let Some(names) = self.waiting.get_mut(&namespace) {
            names.push_back(name);
        } else {
            self.namespaces.push_back(namespace.clone());
            self.waiting.insert(namespace, VecDeque::from([name]));
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
        let names = self.waiting.get_mut(namespace)?;
        // At most as many are passed over as are under way.
        let at = names.iter().position(|name| {
            let namespace = namespace.to_owned();
            let name = name.clone();
            !self.under_way.contains(&Key { namespace, name })
        })?;
        let name = names.remove(at)?;
        if names.is_empty() {
            self.waiting.remove(namespace);
        }
        let namespace = namespace.to_owned();
        let key = Key { namespace, name };
        self.known.remove(&key);
        self.under_way.insert(key.clone());
        Some(key)
    }
}

#[cfg(test)]
mod tests;
