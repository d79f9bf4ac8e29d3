//! Objects that are accepted, most of them at the very bound that a row of the bad ones is one past.

use std::borrow::Cow;

use super::{
    binding, claims, consent, delivery, indicator, instance, keys,
    object::{Object, all},
    policy, subject, tenant, webhook,
};

/// An object with nothing wrong.
pub struct Good {
    pub what: String,
    pub object: Object,
    /// The field that is stored as it is written.
    pub field: Cow<'static, str>,
}

pub fn good() -> Vec<Good> {
    let mut rows: Vec<Good> = all().into_iter().map(only_what_is_required).collect();
    rows.extend(tenant::good());
    rows.extend(instance::good());
    rows.extend(instance::good_auth());
    rows.extend(indicator::good());
    rows.extend(claims::good());
    rows.extend(webhook::good());
    rows.extend(binding::good());
    rows.extend(subject::good());
    rows.extend(policy::good());
    rows.extend(consent::good());
    rows.extend(delivery::good());
    rows.extend(keys::good());
    rows
}

fn only_what_is_required(object: Object) -> Good {
    Good {
        what: "the required fields only".to_owned(),
        object,
        field: "metadata.name".into(),
    }
}
