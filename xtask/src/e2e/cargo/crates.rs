//! The sources that are published and built.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Place, REGISTRY};
use crate::e2e::World;

/// Writes a crate: its manifest behind the common part, and its library.
pub(super) fn write(
    folder: &Path,
    name: &str,
    version: &str,
    manifest: &str,
    source: &str,
) -> Result<()> {
    fs::create_dir_all(folder.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2021\"\n\
         description = \"The crate {name}\"\nlicense = \"MIT\"\n{manifest}"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    Ok(fs::write(folder.join("src/lib.rs"), source)?)
}

/// A crate alone whose `text` says which version it is.
pub(super) fn single(
    world: &World,
    place: &Place,
    word: &str,
    version: &str,
    manifest: &str,
) -> Result<PathBuf> {
    let name = place.of(word);
    let folder = world
        .folder
        .join("crates")
        .join(format!("{name}-{version}"));
    let source = format!("pub fn text() -> String {{ \"{word} {version}\".to_owned() }}\n");
    write(&folder, &name, version, manifest, &source)?;
    Ok(folder)
}

/// A crate with a dependency that is optional and renamed, and one for another platform too.
pub(super) fn optional(world: &World, place: &Place) -> Result<PathBuf> {
    let (name, leaf) = (place.of("optional"), place.of("leaf"));
    let folder = world.folder.join("crates").join(&name);
    let manifest = format!(
        "rust-version = \"1.70\"\nkeywords = [\"e2e\", \"test\"]\n\
         [dependencies]\nrenamed = {{ package = \"{leaf}\", version = \"1\", optional = true, \
         registry = \"{REGISTRY}\" }}\n\
         [target.'cfg(windows)'.dependencies]\nrenamed = {{ package = \"{leaf}\", \
         version = \"1\", registry = \"{REGISTRY}\" }}\n\
         [features]\nwith-leaf = [\"dep:renamed\"]\nall = [\"with-leaf\"]\nplain = []\n"
    );
    let source = "\
        #[cfg(feature = \"with-leaf\")]\n\
        pub fn text() -> String { format!(\"optional({})\", renamed::text()) }\n\
        #[cfg(not(feature = \"with-leaf\"))]\n\
        pub fn text() -> String { \"optional()\".to_owned() }\n";
    write(&folder, &name, "1.0.0", &manifest, source)?;
    Ok(folder)
}

/// A workspace of three crates that depend on each other and on the optional one.
pub(super) fn workspace(world: &World, place: &Place) -> Result<PathBuf> {
    let folder = world.folder.join("crates").join(place.of("workspace"));
    fs::create_dir_all(&folder)?;
    let [base, middle, top, optional] = ["base", "middle", "top", "optional"].map(|w| place.of(w));
    let manifest = format!(
        "[workspace]\nresolver = \"2\"\nmembers = [\"base\", \"middle\", \"top\"]\n\
         [workspace.dependencies]\n\
         {base} = {{ path = \"base\", version = \"1.0.0\", registry = \"{REGISTRY}\" }}\n\
         {optional} = {{ version = \"1\", registry = \"{REGISTRY}\" }}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    let of = |crate_name: &str| crate_name.replace('-', "_");
    write(
        &folder.join("base"),
        &base,
        "1.0.0",
        "",
        "pub fn text() -> String { \"base\".to_owned() }\n",
    )?;
    write(
        &folder.join("middle"),
        &middle,
        "1.0.0",
        &format!("[dependencies]\n{base}.workspace = true\n{optional}.workspace = true\n"),
        &format!(
            "pub fn text() -> String {{ format!(\"middle({{}}, {{}})\", {}::text(), {}::text()) }}\n",
            of(&base),
            of(&optional)
        ),
    )?;
    write(
        &folder.join("top"),
        &top,
        "1.0.0+build.1",
        &format!(
            "[dependencies]\n\
             {middle} = {{ path = \"../middle\", version = \"1\", registry = \"{REGISTRY}\" }}\n\
             {optional} = {{ workspace = true, features = [\"all\"] }}\n\
             [dev-dependencies]\n{base} = {{ path = \"../base\", registry = \"{REGISTRY}\" }}\n"
        ),
        &format!(
            "pub fn text() -> String {{ format!(\"top({{}})\", {}::text()) }}\n",
            of(&middle)
        ),
    )?;
    Ok(folder)
}

/// An application that prints what a crate says of itself; the crate is yet to be added.
pub(super) fn application(world: &World, place: &Place, word: &str, name: &str) -> Result<PathBuf> {
    let folder = world.folder.join("crates").join(place.of(name));
    fs::create_dir_all(folder.join("src"))?;
    fs::write(
        folder.join("Cargo.toml"),
        "[package]\nname = \"application\"\nversion = \"0.0.0\"\nedition = \"2021\"\n",
    )?;
    let library = place.of(word).replace('-', "_");
    let source = format!("fn main() {{ println!(\"{{}}\", {library}::text()); }}\n");
    fs::write(folder.join("src/main.rs"), source)?;
    Ok(folder)
}
