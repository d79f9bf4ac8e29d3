//! The tenants' connections, as the tenant controller keeps them and the others use them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use url::Url;

use super::{claims::Ledger, issuer::Proof, made_of::MadeOf, sign_in::SignIn, status::Verdict};
use crate::{
    api::{Origin, conditions::reasons},
    domain::{precedence::Key, provenance::ProofKey},
    logto::{Endpoint, KeySet, Session},
};

/// A connected tenant.
pub struct Connection {
    /// Everything remote goes through it.
    pub session: Session,
    /// What it was made of; when that differs, it has to be made anew.
    pub made_of: MadeOf,
    /// Where Hasura will fetch the keys.
    pub jwk_url: Url,
    /// The same address as an origin, to check the keys at; none when they are not to be checked.
    pub check_keys_at: Option<Endpoint>,
    /// The operator's own id as an application of the tenant; the claims leave its tokens alone.
    pub client_id: String,
    /// Who is granted what, and what of it is deployed.
    pub claims: Ledger,
    /// The key set as it was last read where Hasura fetches it, or at the Secret's endpoint when it is not checked there.
    pub key_set: Mutex<Option<KeySet>>,
    /// Where people sign in.
    pub sign_in: SignIn,
    /// Whether its issuer is its own, once somebody else says the same.
    pub issuer: Proof,
    /// When the tenant is to be listed again.
    pub next_listing: Mutex<Instant>,
    /// When roles' scopes are to be read again.
    pub next_reading: Mutex<Instant>,
    /// Whether none of the keys is left that it had, so that it has to be made anew.
    outdated: AtomicBool,
    /// Whether somebody asked for a look at what Logto announces.
    asked: AtomicBool,
    /// The instance that was seen to have an API resource, and its id, by indicator. A status could be forged; this can
    /// not.
    vouched: Mutex<HashMap<String, (Key, String)>>,
    /// The key of the proofs in the statuses of the tenant's instances.
    pub proof_key: ProofKey,
    /// The API resources that were proved to be an instance's, by indicator. It outlives the times at which a resource can
    /// not be looked at, and the secret that a proof was written with.
    proved: Arc<Mutex<HashMap<String, Proved>>>,
}

/// An API resource of which is known whose it is: it was made in this process, or seen to hold a scope that the operator
/// had made, or the status that says so has a proof.
struct Proved {
    instance: Key,
    id: String,
    origin: Origin,
}

impl Connection {
    /// A connection whose tenant was just listed.
    pub fn new(
        session: Session,
        made_of: MadeOf,
        jwk_url: Url,
        check_keys_at: Option<Endpoint>,
        sign_in: SignIn,
        client_id: String,
        proof_key: ProofKey,
    ) -> Self {
        let now = Mutex::new(Instant::now());
        Self {
            session,
            made_of,
            jwk_url,
            check_keys_at,
            client_id,
            claims: Ledger::default(),
            key_set: Mutex::default(),
            sign_in,
            issuer: Proof::default(),
            next_listing: now,
            next_reading: Mutex::new(Instant::now()),
            outdated: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            vouched: Mutex::default(),
            proof_key,
            proved: Arc::default(),
        }
    }

    /// The connection, with what the one before of the same tenant has proved and will prove yet.
    pub fn follows(mut self, before: &Self) -> Self {
        self.proved = Arc::clone(&before.proved);
        self
    }

    /// Notes that the keys are all others.
    pub fn outdate(&self) {
        self.outdated.store(true, Ordering::Relaxed);
    }

    /// Whether it has to be made anew, since the keys are all others.
    pub fn is_outdated(&self) -> bool {
        self.outdated.load(Ordering::Relaxed)
    }

    /// Asks for a look at what Logto announces, at the tenant's next visit.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Whether that was asked for; it is asked for no longer.
    pub fn take_asked(&self) -> bool {
        self.asked.swap(false, Ordering::Relaxed)
    }

    /// Notes that an instance has the API resource of this id; gives whether that is news.
    pub fn vouch(&self, indicator: &str, instance: Key, id: String) -> bool {
        let held = (instance, id);
        lock(&self.vouched).insert(indicator.to_owned(), held.clone()) != Some(held)
    }

    /// Notes that an instance does not have its API resource, or no longer.
    pub fn unvouch(&self, indicator: &str, instance: &Key) {
        lock(&self.vouched).retain(|other, (holder, _)| other != indicator || holder != instance);
    }

    /// Whether an instance was seen to have the API resource that is there now.
    pub fn vouches_for(&self, indicator: &str, instance: &Key) -> bool {
        let id = self.resource_id(indicator);
        let vouched = lock(&self.vouched);
        let held = vouched
            .get(indicator)
            .filter(|(holder, _)| holder == instance);
        held.is_some_and(|(_, held)| id.as_ref() == Some(held))
    }

    /// Notes that the API resource of this id is proved to be an instance's, and where it comes from.
    pub fn prove(&self, indicator: &str, instance: Key, id: String, origin: Origin) {
        let proved = Proved {
            instance,
            id,
            origin,
        };
        lock(&self.proved).insert(indicator.to_owned(), proved);
    }

    /// Where the API resource of this id comes from, when it was proved to be an instance's.
    pub fn proved(&self, indicator: &str, instance: &Key, id: &str) -> Option<Origin> {
        let all = lock(&self.proved);
        let proved = all.get(indicator)?;
        (&proved.instance == instance && proved.id == id).then_some(proved.origin)
    }

    /// Forgets what was proved for an instance that is gone.
    pub fn forget_proof(&self, indicator: &str, instance: &Key) {
        let mut all = lock(&self.proved);
        all.retain(|other, proved| other != indicator || &proved.instance != instance);
    }

    /// The id of the API resource that is there now.
    pub fn resource_id(&self, indicator: &str) -> Option<String> {
        self.session
            .observe(|observed| Some(observed.resources.get(indicator)?.id.clone()))
    }
}

/// What the tenant controller last came to.
#[derive(Clone)]
pub struct Entry {
    /// The LogtoTenant's uid.
    pub uid: String,
    /// The generation of its spec.
    pub generation: i64,
    /// The connection, also while something is wrong: deletions may go on with it.
    pub connection: Option<Arc<Connection>>,
    /// Whether the credentials are there and made a connection.
    pub credentials: Verdict,
    /// Whether no other LogtoTenant stands for the same tenant with more right.
    pub rivalry: Verdict,
    /// Whether Logto answered when the tenant was last compared.
    pub reached: Verdict,
    /// Whether Hasura would get the tenant's keys.
    pub keys: Verdict,
    /// Whether all origins count at which people sign in.
    pub sign_in: Verdict,
    /// When the Secret was last read.
    pub secret_read: Instant,
}

impl Entry {
    /// Whether requests can be made, or why not.
    pub fn verdict(&self) -> &Verdict {
        let parts = [&self.credentials, &self.rivalry];
        parts
            .into_iter()
            .find(|part| !part.is_ready())
            .unwrap_or(&self.reached)
    }

    /// Whether the credentials are missing or refused, which passes only when somebody changes something.
    fn lacks_credentials(&self) -> bool {
        let reasons = [
            reasons::CREDENTIALS_INVALID,
            reasons::CREDENTIALS_REFUSED,
            reasons::SECRET_NOT_FOUND,
            reasons::SECRET_FORBIDDEN,
        ];
        matches!(self.verdict(), Verdict::Stalled(reason, _) | Verdict::Waiting(reason, _) if reasons.contains(reason))
    }
}

/// All tenants' entries, by namespace and name.
#[derive(Default)]
pub struct Registry {
    live: Mutex<HashMap<Key, Entry>>,
    /// Connections of tenants that are gone, and since when: what is deleted together with its tenant is cleaned up
    /// with the credentials last seen.
    retired: Mutex<HashMap<Key, (Instant, Arc<Connection>)>>,
}

impl Registry {
    /// The entry of a tenant; none before its first visit in this process.
    pub fn get(&self, key: &Key) -> Option<Entry> {
        lock(&self.live).get(key).cloned()
    }

    /// The connection for a clean-up: that of a tenant, or of one that went less than `grace` ago.
    pub fn for_cleanup(&self, key: &Key, grace: Duration) -> Option<Arc<Connection>> {
        let live = self.get(key).and_then(|entry| entry.connection);
        live.or_else(|| {
            let mut retired = lock(&self.retired);
            retired.retain(|_, (since, _)| since.elapsed() < grace);
            retired
                .get(key)
                .map(|(_, connection)| Arc::clone(connection))
        })
    }

    /// Replaces an entry.
    pub fn put(&self, key: Key, entry: Entry) {
        lock(&self.live).insert(key, entry);
    }

    /// Takes a tenant that is gone out of use.
    pub fn retire(&self, key: &Key) {
        let connection = lock(&self.live)
            .remove(key)
            .and_then(|entry| entry.connection);
        if let Some(connection) = connection {
            lock(&self.retired).insert(key.clone(), (Instant::now(), connection));
        }
    }

    /// Forgets a tenant that is gone with nothing to be taken out of it.
    pub fn close(&self, key: &Key) {
        lock(&self.live).remove(key);
        lock(&self.retired).remove(key);
    }

    /// Whether a tenant's credentials are missing or refused.
    pub fn lacks_credentials(&self, key: &Key) -> bool {
        self.get(key).is_some_and(|entry| entry.lacks_credentials())
    }

    /// All entries.
    pub fn all(&self) -> Vec<(Key, Entry)> {
        let live = lock(&self.live);
        live.iter()
            .map(|(key, entry)| (key.clone(), entry.clone()))
            .collect()
    }
}

/// The value behind a mutex; a panic elsewhere ends the process, so a poisoned one is as good.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
