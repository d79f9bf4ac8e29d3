//! Builds the program that reads rules and queries, once, and prints where it is.
#![forbid(unsafe_code)]

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let program = promql::program(&promql::to_stderr).await?;
    println!("{}", program.display());
    Ok(())
}
