//! Warns of a build without optimisation, before anybody measures it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("OPT_LEVEL").is_ok_and(|level| level == "0") {
        println!(
            "cargo::warning=built without optimisation: a plan takes many times as long. Build with --release, or put \
             `[profile.dev.package.\"*\"]` and `opt-level = 3` into the workspace's Cargo.toml"
        );
    }
}
