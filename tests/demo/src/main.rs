//! Shows the operator at work on a real control plane.
fn main() {}
