//! The compact index: texts that clients keep, and fetch the new end of.
//!
//! Form: the guide "Compact Index API" of the RubyGems project.

use crate::Spec;

/// The line of a release in `/info/{gem}`, without its end: `sha256` is the digest of the gem in hexadecimal,
/// `created_at` when it was published, as `2026-01-02T03:04:05Z`.
pub fn info_line(spec: &Spec, sha256: &str, created_at: &str) -> String {
    let mut line = format!("{} ", spec.version.with(&spec.platform));
    for (index, dependency) in spec.runtime_dependencies().into_iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let requirement = dependency.requirement.indexed();
        line.push_str(&format!("{comma}{}:{requirement}", dependency.name));
    }
    line.push_str("|checksum:");
    line.push_str(sha256);
    for (key, requirement) in [
        ("ruby", &spec.required_ruby_version),
        ("rubygems", &spec.required_rubygems_version),
    ] {
        if !requirement.is_any() {
            line.push_str(&format!(",{key}:{}", requirement.indexed()));
        }
    }
    line.push_str(",created_at:");
    line.push_str(created_at);
    line
}

/// `/names`: every gem that has a release which is not yanked, in the order in which they are given,
/// which should be that of their bytes.
pub fn names(names: Vec<&str>) -> String {
    format!("---\n{}\n", names.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::tests::spec;

    #[test]
    fn lines_of_a_gem() {
        let time = "2026-01-02T03:04:05Z";
        for (metadata, line) in [
            ("", "1.0 |checksum:abc,created_at:2026-01-02T03:04:05Z"),
            (
                "platform: x86_64-linux\n",
                "1.0-x86_64-linux |checksum:abc,created_at:2026-01-02T03:04:05Z",
            ),
            (
                "dependencies:\n\
                 - !ruby/object:Gem::Dependency\n  name: rake\n  type: :runtime\n  requirement: \
                 !ruby/object:Gem::Requirement\n    requirements:\n    - - \"~>\"\n      - \
                 !ruby/object:Gem::Version\n        version: '13.0'\n    - - \">=\"\n      - \
                 !ruby/object:Gem::Version\n        version: 13.0.1\n\
                 - !ruby/object:Gem::Dependency\n  name: abc\n  type: :runtime\n  requirement:\n\
                 - !ruby/object:Gem::Dependency\n  name: test\n  type: :development\n  requirement:\n\
                 required_ruby_version: !ruby/object:Gem::Requirement\n  requirements:\n  - - \">=\"\n    \
                 - !ruby/object:Gem::Version\n      version: '2.5'\n  - - \"<\"\n    - \
                 !ruby/object:Gem::Version\n      version: '4'\n\
                 required_rubygems_version: !ruby/object:Gem::Requirement\n  requirements:\n  - - \
                 \">\"\n    - !ruby/object:Gem::Version\n      version: 1.3.1\n",
                "1.0 abc:>= 0,rake:>= 13.0.1&~> 13.0|checksum:abc,ruby:< 4&>= 2.5,rubygems:> 1.3.1,\
                 created_at:2026-01-02T03:04:05Z",
            ),
        ] {
            assert_eq!(info_line(&spec(metadata), "abc", time), line);
        }
    }

    #[test]
    fn all_names() {
        assert_eq!(names(vec![]), "---\n\n");
        assert_eq!(names(vec!["a", "b"]), "---\na\nb\n");
    }
}
