//! Builds the program with the GitOps tools, once, and prints where it is.
#![forbid(unsafe_code)]

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let program = gitops::program(&gitops::to_stderr).await?;
    println!("{}", program.display());
    Ok(())
}
