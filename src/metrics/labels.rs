//! The labels of metrics. What may be any text is bounded by what it names: an object that exists, or a reason.

use prometheus_client::encoding::EncodeLabelSet;

/// One of the three controllers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Controller {
    pub controller: &'static str,
}

/// How a reconcile ended, in controller-runtime's words: `success`, `error`, `requeue_after`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reconcile {
    pub controller: &'static str,
    pub result: &'static str,
}

/// The work queue of a controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Queue {
    pub name: &'static str,
}

/// The Lease of a leader election.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Lease {
    pub name: String,
}

/// A kind of Kubernetes object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Kind {
    pub kind: String,
}

/// A LogtoTenant, as `<namespace>/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Tenant {
    pub tenant: String,
}

/// A request to Logto.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Request {
    pub tenant: String,
    pub operation: &'static str,
    pub outcome: &'static str,
    /// The HTTP status, or `none` where no answer came.
    pub code: String,
}

/// A kind of request to Logto.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Operation {
    pub operation: &'static str,
}

/// Something that happened to an object, by the reason of its event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Event {
    pub kind: String,
    pub reason: String,
}

/// What an object's condition Ready says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Object {
    pub kind: &'static str,
    pub ready: String,
    pub reason: String,
}
