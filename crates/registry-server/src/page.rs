//! What stands at `/`: what is mounted, and the lines to paste.

use std::fmt::Write as _;

/// The type of plain text.
pub(crate) const PLAIN: &str = "text/plain; charset=utf-8";
/// What the page may load: nothing but its own style.
pub(crate) const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:3rem auto;\
    padding:0 1rem;color:#1a1a1a;background:#fff}pre{background:#f3f3f3;padding:.8rem 1rem;\
    overflow-x:auto;border-radius:4px}h2{margin-top:2rem}\
    @media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}pre{background:#242424}}";

/// For terminals.
pub(crate) fn plain(usage: &[(String, String)]) -> String {
    let mut out = String::from("A package registry.\n");
    if usage.is_empty() {
        out.push_str("\nNothing is mounted.\n");
    }
    for (name, lines) in usage {
        // As they are to be pasted, blanks included.
        let _ = write!(out, "\n{name}:\n{}\n", lines.trim_end());
    }
    out
}

/// For browsers.
pub(crate) fn html(usage: &[(String, String)]) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Package registry</title>\
         <style>{STYLE}</style></head><body><h1>Package registry</h1>\n"
    );
    if usage.is_empty() {
        out.push_str("<p>Nothing is mounted.</p>\n");
    }
    for (name, lines) in usage {
        let (name, lines) = (escaped(name), escaped(lines.trim_end()));
        let _ = writeln!(out, "<h2>{name}</h2>\n<pre>{lines}</pre>");
    }
    out.push_str("</body></html>\n");
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_passes_unescaped() {
        let usage = [("<b>".to_owned(), "a & \"<script>'\n".to_owned())];
        let page = html(&usage);
        assert!(page.contains("<h2>&lt;b&gt;</h2>"));
        assert!(page.contains("<pre>a &amp; &quot;&lt;script&gt;&#39;</pre>"));
        assert_eq!(
            plain(&usage),
            "A package registry.\n\n<b>:\na & \"<script>'\n"
        );
    }
}
