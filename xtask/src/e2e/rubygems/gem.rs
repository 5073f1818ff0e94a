//! gem: signing in, publishing, finding and installing.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::super::client::Client;
use super::super::{PASSWORD, Run, USER, World};
use super::gems::Source;
use super::{PROTOCOL, client, get, holds, info, manage, with_token};
use crate::http::Connection;

/// What gem is asked to do.
pub(crate) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let gem = sign_in(run, world)?;
    push(run, world, &gem)?;
    read(run, world)?;
    install(run, world)?;
    manage::steps(run, world, &gem)?;
    refusals(run, world)
}

/// Pushes a gem; what the client prints has to hold `wanted`.
pub(super) fn published(world: &World, gem: &Client, source: &Source, wanted: &str) -> Result<()> {
    let built = source.build(world)?;
    let built = built.to_string_lossy();
    gem.ok(world.elsewhere(), &["push", &built], &[wanted])
        .map(drop)
}

/// Signs in as people do, and by the old way.
fn sign_in(run: &mut Run, world: &World) -> Result<Client> {
    let gem = client(world, &world.server, "gem-publisher", "gem")?;
    run.step(world, "gem: sign in", || {
        let scopes = [
            ("index_rubygems", "y"),
            ("push_rubygem", "y"),
            ("yank_rubygem", "y"),
            ("add_owner", "y"),
            ("remove_owner", "y"),
            ("access_webhooks", "n"),
            ("show_dashboard", "n"),
        ];
        let answers = [
            ("Email:", USER),
            ("Password:", PASSWORD),
            ("API Key name", "e2e"),
        ];
        let answers = [&answers[..], &scopes].concat();
        let ran = gem.dialogue(world.elsewhere(), &["signin"], &answers)?;
        let signed_in = ran.success() && ran.text().contains("Signed in with API key: e2e");
        ensure!(signed_in, "{}", ran.report());
        let kept = fs::read_to_string(gem.home.join(".gem/credentials"))?;
        holds(&kept, &["reg_", &world.mount(PROTOCOL)], &[])
    })?;
    run.step(
        world,
        "gem: sign in with a wrong password is refused",
        || {
            let stranger = client(world, &world.server, "gem-stranger", "gem")?;
            let answers = [
                ("Email:", USER),
                ("Password:", "wrong"),
                ("API Key name", "x"),
            ];
            let scopes = ["index", "push", "yank", "add", "remove", "access", "show"];
            let scopes = scopes.map(|scope| (scope, "y"));
            let ran = stranger.dialogue(
                world.elsewhere(),
                &["signin"],
                &[&answers[..], &scopes].concat(),
            )?;
            ensure!(
                !ran.success() && !stranger.home.join(".gem/credentials").exists(),
                "{}",
                ran.report()
            );
            Ok(())
        },
    )?;
    run.step(world, "gem: the key that old clients fetch", || {
        let basic = format!("{USER}:{PASSWORD}");
        let basic = STANDARD.encode(basic);
        let path = format!("/{PROTOCOL}/api/v1/api_key");
        let headers = [("authorization", &*format!("Basic {basic}"))];
        let answer = Connection::new(world.server.port).get(&path, &headers)?;
        let key = answer.successful("the key")?.text();
        ensure!(
            key.starts_with("reg_") && !key.contains(char::is_whitespace),
            "{key:?}"
        );
        Ok(())
    })?;
    Ok(gem)
}

fn push(run: &mut Run, world: &World, gem: &Client) -> Result<()> {
    let leaf = Source::new("leaf", "1.0.0").build(world)?;
    let path = leaf.to_string_lossy();
    run.step(world, "gem: push", || {
        let wanted = "Successfully registered gem: leaf (1.0.0)";
        gem.ok(world.elsewhere(), &["push", &path], &[wanted])
            .map(drop)
    })?;
    run.step(world, "gem: the same push again is no failure", || {
        let wanted = "Gem was already pushed: leaf (1.0.0)";
        gem.ok(world.elsewhere(), &["push", &path], &[wanted])
            .map(drop)
    })?;
    run.step(world, "gem: other bytes of a version are refused", || {
        for version in ["1.0.0", "1.0"] {
            let mut other = Source::new("leaf", version);
            other.content += " again";
            let other = other.build(world)?;
            let arguments = ["push", &*other.to_string_lossy()];
            let wanted = if version == "1.0.0" {
                "Repushing of gem versions is not allowed"
            } else {
                "1.0"
            };
            gem.refused(world.elsewhere(), &arguments, &[wanted])?;
        }
        Ok(())
    })?;
    run.step(
        world,
        "gem: push of gems for platforms, with dependencies, and a prerelease",
        || {
            for (source, title) in [
                (Source::new("native", "1.0.0"), "native (1.0.0)"),
                (
                    Source::new("native", "1.0.0").on("x86_64-linux"),
                    "native (1.0.0-x86_64-linux)",
                ),
                (
                    Source::new("native", "1.0.0").on("java"),
                    "native (1.0.0-java)",
                ),
                (
                    Source::new("top", "1.0.0")
                        .with("add_dependency 'leaf', '~> 1.0', '>= 1.0.0'")
                        .with("add_dependency 'native'")
                        .with("add_development_dependency 'minitest'")
                        .with("required_ruby_version = '>= 2.0'")
                        .with("metadata = { 'source_code_uri' => 'https://example.invalid/top' }"),
                    "top (1.0.0)",
                ),
                (Source::new("top", "2.0.0.rc1"), "top (2.0.0.rc1)"),
                (Source::new("future", "1.0.0"), "future (1.0.0)"),
                (
                    Source::new("future", "2.0.0").with("required_ruby_version = '>= 99'"),
                    "future (2.0.0)",
                ),
            ] {
                published(
                    world,
                    gem,
                    &source,
                    &format!("Successfully registered gem: {title}"),
                )?;
            }
            Ok(())
        },
    )?;
    run.step(world, "gem: push of a large gem", || {
        let folder = world.folder.join("large");
        fs::create_dir_all(&folder)?;
        let size = if world.full { 200 << 20 } else { 20 << 20 };
        let mut noise = std::io::Read::take(crate::random::Random::new("gem"), size);
        std::io::copy(&mut noise, &mut fs::File::create(folder.join("noise"))?)?;
        let noise = folder.join("noise").to_string_lossy().into_owned();
        let line = format!("files += ['noise'] if system('cp', {noise:?}, 'noise')");
        let source = Source::new("large", "1.0.0").with(&line);
        published(
            world,
            gem,
            &source,
            "Successfully registered gem: large (1.0.0)",
        )
    })
}

/// The indexes say what the gems say.
fn read(run: &mut Run, world: &World) -> Result<()> {
    run.step(world, "gem: the compact index", || {
        let lines = info(world, "top")?;
        ensure!(lines.len() == 2, "{lines:?}");
        let (first, rest) = lines[0].split_once('|').context("no bar")?;
        ensure!(first == "1.0.0 leaf:>= 1.0.0&~> 1.0,native:>= 0", "{first}");
        holds(
            rest,
            &["checksum:", ",ruby:>= 2.0,created_at:"],
            &["rubygems:"],
        )?;
        let versions = get(world, "versions")?.successful("versions")?.text();
        let line = versions
            .lines()
            .filter(|line| line.starts_with("native "))
            .collect::<String>();
        let platforms = ["1.0.0 ", "1.0.0-x86_64-linux ", "1.0.0-java "];
        holds(&line, &platforms, &[])?;
        let names = get(world, "names")?.successful("names")?.text();
        ensure!(
            names == "---\nfuture\nlarge\nleaf\nnative\ntop\n",
            "{names}"
        );
        checksums(world)
    })?;
    let gem = client(world, &world.server, "gem-reader", "gem")?;
    let shown = |what: &str, arguments: &[&str], wanted: &[&str], unwanted: &[&str]| {
        let ran = gem.ok(world.elsewhere(), arguments, &[])?;
        holds(&ran.stdout, wanted, unwanted).context(what.to_owned())
    };
    run.step(
        world,
        "gem: search, list, info, specification, fetch",
        || {
            shown(
                "search",
                &["search", "--remote", "^na"],
                &["native (1.0.0 ruby java x86_64-linux)"],
                &["leaf"],
            )?;
            shown(
                "list",
                &["list", "--remote"],
                &["leaf (1.0.0)", "top (1.0.0)"],
                &["rc1"],
            )?;
            shown(
                "pre",
                &["list", "--remote", "--prerelease"],
                &["top (2.0.0.rc1)"],
                &["leaf"],
            )?;
            shown(
                "all",
                &["list", "--remote", "--all", "--prerelease"],
                &["top (2.0.0.rc1, 1.0.0)"],
                &[],
            )?;
            let described = [
                "Used in a test: \u{e9}",
                "Author: A. Author",
                "https://example.invalid/top",
            ];
            shown(
                "info",
                &["info", "--remote", "--exact", "top"],
                &described[1..],
                &[],
            )?;
            shown(
                "specification",
                &["specification", "--remote", "top"],
                &described,
                &[],
            )?;
            shown(
                "dependency",
                &["dependency", "--remote", "top"],
                &["leaf (~> 1.0, >= 1.0.0)"],
                &[],
            )?;
            let folder = world.folder.join("fetched");
            fs::create_dir_all(&folder)?;
            gem.ok(
                &folder,
                &["fetch", "native"],
                &["Downloaded native-1.0.0-x86_64-linux"],
            )?;
            ensure!(
                folder.join("native-1.0.0-x86_64-linux.gem").is_file(),
                "no file"
            );
            Ok(())
        },
    )
}

/// What the index says of every gem, against its file.
fn checksums(world: &World) -> Result<()> {
    for name in ["leaf", "native", "top", "large"] {
        for line in info(world, name)? {
            let version = line.split(' ').next().unwrap_or_default();
            let file = get(world, &format!("gems/{name}-{version}.gem"))?.successful("a gem")?;
            let digest = Sha256::digest(&file.body);
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            holds(&line, &[&format!("|checksum:{hex},")], &[])?;
        }
    }
    Ok(())
}

/// What a gem that is installed says of itself.
fn says(gem: &Client, folder: &Path, name: &str) -> Result<String> {
    let constant = Source::constant(name);
    let code = format!("require {name:?}; puts {constant}");
    let mut ruby = gem.clone();
    ruby.program = vec!["ruby".to_owned()];
    let ran = ruby.ok(folder, &["-e", &code], &[])?;
    Ok(ran.stdout.trim().to_owned())
}

fn install(run: &mut Run, world: &World) -> Result<()> {
    run.step(
        world,
        "gem: install, with what it depends on, for this platform",
        || {
            let gem = client(world, &world.server, "gem-install", "gem")?;
            let wanted = [
                "Successfully installed leaf-1.0.0",
                "Successfully installed top-1.0.0",
            ];
            gem.ok(
                world.elsewhere(),
                &["install", "top", "--no-document"],
                &wanted,
            )?;
            for (name, content) in [
                ("top", "top 1.0.0"),
                ("leaf", "leaf 1.0.0"),
                ("native", "native 1.0.0 x86_64-linux"),
            ] {
                let said = says(&gem, world.elsewhere(), name)?;
                ensure!(said == content, "{name} says {said}");
            }
            let pre = ["install", "top", "--pre", "--no-document"];
            gem.ok(world.elsewhere(), &pre, &["installed top-2.0.0.rc1"])?;
            let any = ["install", "native", "--platform", "ruby", "--no-document"];
            gem.ok(world.elsewhere(), &any, &["installed native-1.0.0"])
                .map(drop)
        },
    )?;
    run.step(
        world,
        "gem: a version for another Ruby is passed over",
        || {
            let gem = client(world, &world.server, "gem-future", "gem")?;
            let arguments = ["install", "future", "--no-document"];
            gem.ok(world.elsewhere(), &arguments, &["installed future-1.0.0"])?;
            let arguments = ["install", "future", "--version", "2.0.0", "--no-document"];
            gem.refused(
                world.elsewhere(),
                &arguments,
                &["requires Ruby version >= 99"],
            )
            .map(drop)
        },
    )?;
    run.step(world, "gem: what is not there is not found", || {
        let gem = client(world, &world.server, "gem-absent", "gem")?;
        let wanted = "Could not find a valid gem 'absent'";
        gem.refused(world.elsewhere(), &["install", "absent"], &[wanted])
            .map(drop)
    })?;
    run.step(
        world,
        "gem: where reading needs a token, that is asked for",
        || {
            let closed = world.replica(&[("REGISTRY_RUBYGEMS_ANONYMOUS", "none")])?;
            let gem = client(world, &closed, "gem-closed", "gem")?;
            let arguments = ["install", "leaf", "--no-document"];
            gem.refused(world.elsewhere(), &arguments, &["leaf"])?;
            let token = world.token("rubygems:gem:*:read", &[])?;
            for (home, login) in [
                ("user", format!("{USER}:{token}")),
                ("alone", token.clone()),
            ] {
                let gem = client(world, &closed, &format!("gem-closed-{home}"), "gem")?;
                let source = format!("http://{login}@127.0.0.1:{}/{PROTOCOL}/", closed.port);
                fs::write(
                    gem.home.join(".gemrc"),
                    format!("---\n:sources:\n- {source}\n"),
                )?;
                gem.ok(
                    world.elsewhere(),
                    &arguments,
                    &["Successfully installed leaf-1.0.0"],
                )?;
                let list = gem.ok(world.elsewhere(), &["list", "--remote"], &[])?;
                holds(&list.stdout, &["leaf (1.0.0)", "top (1.0.0)"], &[])?;
            }
            closed.stop()
        },
    )
}

/// What nobody may push, and who may not.
fn refusals(run: &mut Run, world: &World) -> Result<()> {
    let write = world.token("rubygems:gem:*:write", &[])?;
    let gem = with_token(world, "gem-refused", &write)?;
    let refused = |gem: &Client, path: &Path, wanted: &[&str]| {
        let path = path.to_string_lossy();
        gem.refused(world.elsewhere(), &["push", &path], wanted)
            .map(drop)
    };
    run.step(
        world,
        "gem: push of a damaged gem is refused, and leaves nothing",
        || {
            let built = Source::new("damaged", "1.0.0").build(world)?;
            let good = fs::read(&built)?;
            let data = good.windows(12).position(|bytes| bytes == b"data.tar.gz\0");
            let data = data.context("no data.tar.gz")?;
            for at in [532, data + 532] {
                let mut bad = good.clone();
                bad[at] ^= 0x55;
                fs::write(&built, &bad)?;
                // The client reads the specification itself, before it sends the gem.
                let path = format!("/{PROTOCOL}/api/v1/gems");
                let headers = [
                    ("authorization", &*write),
                    ("content-type", "application/octet-stream"),
                ];
                let answer =
                    Connection::new(world.server.port).request("POST", &path, &headers, &bad)?;
                ensure!(answer.status == 422, "{} {}", answer.status, answer.text());
                holds(&answer.text(), &["cannot process this gem"], &[])?;
            }
            ensure!(get(world, "info/damaged")?.status == 404, "it is there");
            Ok(())
        },
    )?;
    run.step(world, "gem: rights", || {
        let built = Source::new("rights", "1.0.0").build(world)?;
        for (home, scope, more) in [
            ("read-only", "rubygems:gem:*:*", &["--read-only"][..]),
            ("reading", "rubygems:gem:*:read", &[]),
            ("another", "rubygems:gem:other:*", &[]),
        ] {
            let token = world.token(scope, more)?;
            let gem = with_token(world, &format!("gem-{home}"), &token)?;
            refused(&gem, &built, &[])?;
        }
        let unknown = with_token(world, "gem-unknown", "reg_unknown")?;
        refused(&unknown, &built, &[])?;
        ensure!(get(world, "info/rights")?.status == 404, "it is there");
        let token = world.token("rubygems:gem:rights:write", &[])?;
        let just = with_token(world, "gem-just", &token)?;
        let path = built.to_string_lossy();
        just.ok(
            world.elsewhere(),
            &["push", &path],
            &["Successfully registered"],
        )?;
        // A name in another case is the same gem's.
        let other = Source::new("Rights", "1.0.1").build(world)?;
        refused(&gem, &other, &["name"])
    })
}
