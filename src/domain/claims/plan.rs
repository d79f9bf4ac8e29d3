//! What to write so that a tenant's script has our program and our entries, and everything else as it is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::entry::{Entry, TooLarge, is_key_of};
use super::program::{KEY_PREFIX, Kind};
use super::script::{Deployed, NOTHING, TextHash, assemble, can_wrap, read};
use crate::api::tenant::ExistingScript;
use crate::domain::ownership::Owner;

/// Longest body of a PUT, in bytes. Logto answers 404 to more than 1 MB.
pub const MAX_BODY_BYTES: usize = 900 * 1024;

/// A script as Logto stores it, with all that a PUT replaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The text.
    pub script: String,
    /// The environment variables.
    pub variables: BTreeMap<String, String>,
    /// Whatever else is stored: samples of the console's test page, `blockIssuanceOnError`.
    pub others: Map<String, Value>,
}

impl Stored {
    /// Reads Logto's answer; `None` when it is not of the documented shape.
    pub fn read(answer: &Value) -> Option<Self> {
        let mut others = answer.as_object()?.clone();
        let script = others.remove("script")?.as_str()?.to_owned();
        let variables = match others.remove("environmentVariables") {
            None => BTreeMap::new(),
            Some(map) => serde_json::from_value(map).ok()?,
        };
        Some(Self {
            script,
            variables,
            others,
        })
    }

    /// An owner's entries, by the names of their variables. One that somebody edited so that it can not be read is none.
    pub fn entries(&self, owner: &Owner) -> BTreeMap<String, Entry> {
        let ours = self
            .variables
            .iter()
            .filter(|(key, _)| is_key_of(owner, key));
        ours.filter_map(|(key, text)| Some((key.clone(), Entry::parse(text)?)))
            .collect()
    }

    /// Whether other owners' entries are in it too.
    pub fn is_shared(&self, owner: &Owner) -> bool {
        let mut keys = self.variables.keys();
        keys.any(|key| key.starts_with(KEY_PREFIX) && !is_key_of(owner, key))
    }

    /// The body of the PUT that stores it.
    pub fn body(&self) -> Value {
        let mut body = self.others.clone();
        body.insert("script".to_owned(), json!(self.script));
        body.insert("environmentVariables".to_owned(), json!(self.variables));
        Value::Object(body)
    }
}

/// What this installation wants of one kind of token.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// Whose tokens.
    pub kind: Kind,
    /// Whose entries.
    pub owner: &'a Owner,
    /// All entries that this owner wants published, at most one for an API resource.
    pub entries: &'a [Entry],
    /// What may be done with somebody else's script.
    pub existing: ExistingScript,
    /// The text that was kept when ours replaced it.
    pub kept: Option<&'a str>,
}

/// What to do, and what can not be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The write; `None` when all is as it should be, or as much of it as may be.
    pub write: Option<Write>,
    /// Somebody else's script that the write replaces. It has to be kept first.
    pub replaces: Option<String>,
    /// Why not everything is published. Grants that ended are taken away all the same.
    pub refused: Option<Refused>,
    /// Indicators that another owner's entry names as well.
    pub taken: BTreeSet<String>,
    /// Entries that were not published, their last good value left in place.
    pub too_large: Vec<TooLarge>,
}

/// A write to Logto.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Store this.
    Put(Stored),
    /// Delete the script with everything that belongs to it.
    Delete,
}

/// Why nothing new can be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Somebody else's script is there.
    #[error(
        "the tenant has a Custom JWT script that somebody else wrote; set customClaims.existingScript to Wrap or Replace, or delete it"
    )]
    ForeignScript,
    /// Somebody else's script holds text that only we may write.
    #[error(
        "the Custom JWT script holds the text \"@logto-hasura:\" and can not be wrapped; take it out, or set customClaims.existingScript to Replace"
    )]
    MarkInScript,
    /// Our script was edited, and nobody can say what is whose.
    #[error(
        "the marks of the deployed Custom JWT script are damaged; put them back, or delete the script in Logto's console"
    )]
    Damaged,
    /// Everything together is more than Logto takes.
    #[error(
        "the Custom JWT script with all its data takes {bytes} bytes, of {MAX_BODY_BYTES} at most; use fewer bindings or instances in this tenant"
    )]
    BodyTooLarge {
        /// Length of the body.
        bytes: usize,
    },
}

/// What becomes of the script's text.
enum Text {
    Keep,
    Put(String),
    Gone,
}

/// Plans the one write that is needed, if any. `stored` is `None` when Logto has no script of this kind.
///
/// Whatever is refused, entries that are stored already are brought to what is wanted, or taken away: a grant that ended
/// must end. Only nothing is added then.
pub fn plan(wish: &Wish<'_>, stored: Option<&Stored>) -> Plan {
    let nothing = Stored::default();
    let now = stored.unwrap_or(&nothing);
    let mut plan = Plan::default();
    let ours = publishable(wish, now, &mut plan);
    let deployed = read(wish.kind, stored.map(|stored| stored.script.as_str()));
    let published = published(wish, now, &ours);
    let write = match text(wish, now, &deployed, &ours, &published) {
        Ok(Text::Gone) if published.is_empty() && now.others.is_empty() => Ok(Write::Delete),
        Ok(text) => fitting(put(now, text, published)),
        Err(refused) => Err(refused),
    };
    let write = write.unwrap_or_else(|refused| {
        plan.refused = Some(refused);
        let known = |key: &String, _: &mut String| now.variables.contains_key(key);
        let mut known_only = ours;
        known_only.retain(known);
        Write::Put(put(
            now,
            Text::Keep,
            self::published(wish, now, &known_only),
        ))
    });
    plan.write = Some(write).filter(|write| match write {
        Write::Put(put) => put != now && fitting(put.clone()).is_ok(),
        Write::Delete => stored.is_some(),
    });
    let writes_program = matches!(&plan.write, Some(Write::Put(put)) if put.script != now.script);
    if deployed == Deployed::Foreign && writes_program && wish.existing == ExistingScript::Replace {
        plan.replaces = Some(now.script.clone());
    }
    plan
}

fn put(now: &Stored, text: Text, variables: BTreeMap<String, String>) -> Stored {
    Stored {
        script: match text {
            Text::Keep => now.script.clone(),
            Text::Put(script) => script,
            Text::Gone => NOTHING.to_owned(),
        },
        variables,
        others: now.others.clone(),
    }
}

fn fitting(put: Stored) -> Result<Write, Refused> {
    match put.body().to_string().len() {
        bytes if bytes > MAX_BODY_BYTES => Err(Refused::BodyTooLarge { bytes }),
        _ => Ok(Write::Put(put)),
    }
}

/// Our variables as they should be.
fn publishable(wish: &Wish<'_>, now: &Stored, plan: &mut Plan) -> BTreeMap<String, String> {
    let others = others_audiences(wish.owner, now);
    let mut ours = BTreeMap::new();
    for entry in wish.entries {
        let key = entry.key(wish.owner);
        let stored = now.variables.get(&key);
        if let Some(other) = others.get(&entry.aud) {
            plan.taken.insert(entry.aud.clone());
            // Two that published at the same moment grant nothing; the one that sorts first stays, so that one does.
            if stored.is_none() || other < &key {
                continue;
            }
        }
        match entry.check() {
            Ok(()) => {
                ours.insert(key, entry.text());
            }
            Err(too_large) => {
                plan.too_large.push(too_large);
                ours.extend(stored.map(|last| (key, last.clone())));
            }
        }
    }
    ours
}

/// The audiences that keys of other owners name, each with the first such key.
fn others_audiences(owner: &Owner, now: &Stored) -> BTreeMap<String, String> {
    let mut audiences = BTreeMap::new();
    for (key, text) in &now.variables {
        if !key.starts_with(KEY_PREFIX) || is_key_of(owner, key) {
            continue;
        }
        let entry: Option<Value> = serde_json::from_str(text).ok();
        let audience = entry.as_ref().and_then(|entry| entry.get("aud")?.as_str());
        if let Some(audience) = audience {
            audiences
                .entry(audience.to_owned())
                .or_insert_with(|| key.clone());
        }
    }
    audiences
}

/// All variables: ours as given, everybody else's as they are.
fn published(
    wish: &Wish<'_>,
    now: &Stored,
    ours: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut all = now.variables.clone();
    all.retain(|key, _| !is_key_of(wish.owner, key));
    all.extend(ours.clone());
    all
}

fn text(
    wish: &Wish<'_>,
    now: &Stored,
    deployed: &Deployed,
    ours: &BTreeMap<String, String>,
    published: &BTreeMap<String, String>,
) -> Result<Text, Refused> {
    if !ours.is_empty() {
        return with_entries(wish, now, deployed);
    }
    if published.keys().any(|key| key.starts_with(KEY_PREFIX)) {
        return Ok(Text::Keep);
    }
    Ok(without_entries(wish, deployed))
}

fn with_entries(wish: &Wish<'_>, now: &Stored, deployed: &Deployed) -> Result<Text, Refused> {
    let script = now.script.as_str();
    let (wrapped, replaced) = match deployed {
        Deployed::Newer { .. } => return Ok(Text::Keep),
        Deployed::Damaged => return Err(Refused::Damaged),
        Deployed::Absent => (None, None),
        Deployed::Ours {
            wrapped, replaced, ..
        }
        | Deployed::Older {
            wrapped, replaced, ..
        } => (wrapped.as_deref(), replaced.clone()),
        Deployed::Foreign => match wish.existing {
            ExistingScript::Refuse => return Err(Refused::ForeignScript),
            ExistingScript::Wrap if !can_wrap(script) => return Err(Refused::MarkInScript),
            ExistingScript::Wrap => (Some(script), None),
            ExistingScript::Replace => (None, Some(TextHash::of(script))),
        },
    };
    Ok(Text::Put(assemble(wish.kind, wrapped, replaced.as_ref())))
}

/// With the last owner's last entry the program goes, and what was there before comes back.
fn without_entries(wish: &Wish<'_>, deployed: &Deployed) -> Text {
    let (wrapped, replaced) = match deployed {
        Deployed::Ours {
            wrapped, replaced, ..
        }
        | Deployed::Older {
            wrapped, replaced, ..
        } => (wrapped, replaced),
        Deployed::Absent | Deployed::Newer { .. } | Deployed::Foreign | Deployed::Damaged => {
            return Text::Keep;
        }
    };
    // Whoever may edit the kept text could else have his code put into Logto.
    let kept = wish
        .kept
        .filter(|kept| replaced.as_ref() == Some(&TextHash::of(kept)));
    match (wrapped.as_deref(), kept) {
        (Some(text), _) | (None, Some(text)) => Text::Put(text.to_owned()),
        (None, None) => Text::Gone,
    }
}
