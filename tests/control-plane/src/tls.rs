//! The one provider of cryptography in this workspace.

/// Makes ring the provider; harmless when another call was first.
pub(crate) fn use_ring() {
    // The error says that a provider is installed already, which is all that is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
