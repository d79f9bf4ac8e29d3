//! Letting go of what was delivered while no operator runs: the object would be collected together with its instance.

use kube::Client;

use super::{Held, Object, delivered, is_forbidden};
use crate::{api::HasuraInstance, hasura::delivered::Delivered};

/// An object that would go with its instance.
#[derive(Debug, thiserror::Error)]
pub enum NotLeft {
    /// A right is missing.
    #[error(
        "{0}, which Hasura's pods may not start without, would go with it, and you may not get or update it: ask for that right"
    )]
    Forbidden(Delivered),
    /// The API server failed or refused.
    #[error("{0}, which Hasura's pods may not start without, would go with it: {1}")]
    Failed(Delivered, String),
}

/// Takes the instance off the Secret or ConfigMap that it owns, as its deletion with policy Retain does; gives what stays
/// because of that.
///
/// # Errors
/// [`NotLeft`] when the object would go with the instance.
pub async fn leave(client: &Client, instance: &HasuraInstance) -> Result<Vec<String>, NotLeft> {
    let mut left = Vec::new();
    for which in delivered(instance) {
        let object = Object::new(client, instance, &which);
        let result = match object.read().await {
            Ok(Held::Ours(found)) => object.retain(found).await,
            Ok(Held::Absent | Held::Taken) => continue,
            Err(why) => Err(why),
        };
        match result {
            Ok(()) => left.push(which.to_string()),
            Err(why) if is_forbidden(&why) => return Err(NotLeft::Forbidden(which)),
            Err(why) => return Err(NotLeft::Failed(which, why.message().to_owned())),
        }
    }
    Ok(left)
}
