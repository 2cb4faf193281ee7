//! Edits one profile in the text of an AWS CLI file; every other byte stays.
//!
//! The files are what botocore reads with Python's `configparser`: `[section]`, `key = value`,
//! comments that begin with `#` or `;`, and lines that are indented deeper than their key go on
//! with its value.

/// Which of the two files; they name sections differently (AWS CLI user guide, "Configuration and
/// credential file settings").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsFile {
    /// `~/.aws/config`: `[profile NAME]`, but `[default]`.
    Config,
    /// `~/.aws/credentials`: `[NAME]`.
    Credentials,
}

/// Why a file cannot be edited.
#[derive(Debug, PartialEq, Eq)]
pub enum EditError {
    /// The profile stands there more than once; the AWS CLI refuses such a file too.
    Repeated,
}

/// Settings that would send the profile's calls elsewhere or sign them with something else than its
/// new key.
const STALE: &[&str] = &[
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_security_token",
    "credential_process",
    "credential_source",
    "role_arn",
    "source_profile",
    "web_identity_token_file",
    "login_session",
    "services",
    "endpoint_url",
    "ignore_configured_endpoint_urls",
];

/// Whether the profile stands in the text.
pub fn has_profile(text: &str, file: AwsFile, name: &str) -> bool {
    let is_it = |line: &Line<'_>| matches!(line.kind, Kind::Header(section) if is_profile(section, file, name));
    classify(text).iter().any(is_it)
}

/// The text with `settings` in profile `name`, which is added at the end when it is not there.
/// Other settings of the profile stay, except those that would get in the way of the new ones.
pub fn set_profile(
    text: &str,
    file: AwsFile,
    name: &str,
    settings: &[(&str, &str)],
) -> Result<String, EditError> {
    let eol = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines = classify(text);
    let mut headers = lines.iter().enumerate().filter(
        |(_, line)| matches!(line.kind, Kind::Header(section) if is_profile(section, file, name)),
    );
    let found = headers.next().map(|(at, _)| at);
    if headers.next().is_some() {
        return Err(EditError::Repeated);
    }
    let Some(header) = found else {
        return Ok(appended(text, file, name, settings, eol));
    };
    let length =
        lines[header + 1..].iter().take_while(|line| !matches!(line.kind, Kind::Header(_))).count();
    let (before, rest) = lines.split_at(header + 1);
    let (section, after) = rest.split_at(length);
    let mut edited: String = before.iter().map(|line| line.text).collect();
    end_line(&mut edited, eol);
    edited.push_str(&edit_section(section, settings, eol));
    edited.extend(after.iter().map(|line| line.text));
    Ok(edited)
}

fn appended(text: &str, file: AwsFile, name: &str, settings: &[(&str, &str)], eol: &str) -> String {
    let mut edited = text.to_owned();
    end_line(&mut edited, eol);
    if !edited.is_empty() {
        edited.push_str(eol);
    }
    edited.push_str(&match file {
        AwsFile::Config if name != "default" => format!("[profile {name}]{eol}"),
        AwsFile::Config | AwsFile::Credentials => format!("[{name}]{eol}"),
    });
    for (key, value) in settings {
        edited.push_str(&format!("{key} = {value}{eol}"));
    }
    edited
}

fn edit_section(section: &[Line<'_>], settings: &[(&str, &str)], eol: &str) -> String {
    let mut edited = String::new();
    let mut missing = settings.to_vec();
    // Behind the last setting that stays, not behind the comments that introduce the next section.
    let mut end_of_settings = 0;
    let mut is_dropping = false;
    for line in section {
        match line.kind {
            Kind::Setting(key) => {
                let key = key.to_lowercase();
                if let Some(at) = missing.iter().position(|(name, _)| *name == key) {
                    let (_, value) = missing.remove(at);
                    edited.push_str(&format!("{}{key} = {value}{eol}", line.indent()));
                    end_of_settings = edited.len();
                    is_dropping = true;
                    continue;
                }
                is_dropping = is_stale(&key) || settings.iter().any(|(name, _)| *name == key);
            }
            Kind::Continuation => {}
            Kind::Header(_) | Kind::Other => {
                edited.push_str(line.text);
                continue;
            }
        }
        if !is_dropping {
            edited.push_str(line.text);
            end_line(&mut edited, eol);
            end_of_settings = edited.len();
        }
    }
    let added: String =
        missing.iter().map(|(key, value)| format!("{key} = {value}{eol}")).collect();
    edited.insert_str(end_of_settings, &added);
    edited
}

fn is_stale(key: &str) -> bool {
    STALE.contains(&key) || key.starts_with("sso_")
}

fn is_profile(section: &str, file: AwsFile, name: &str) -> bool {
    match file {
        AwsFile::Credentials => section == name,
        AwsFile::Config => {
            let words =
                section.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t']));
            let named = words.map(|rest| rest.trim().trim_matches(['"', '\'']));
            named == Some(name) || (name == "default" && section == "default")
        }
    }
}

fn end_line(text: &mut String, eol: &str) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(eol);
    }
}

struct Line<'a> {
    /// With its line break.
    text: &'a str,
    kind: Kind<'a>,
}

#[derive(Clone, Copy)]
enum Kind<'a> {
    /// What stands between the brackets.
    Header(&'a str),
    /// A setting's key, in the case it is written in.
    Setting(&'a str),
    /// More of the value of the setting before.
    Continuation,
    /// Blank, a comment, or something that is no setting.
    Other,
}

impl Line<'_> {
    fn indent(&self) -> &str {
        &self.text[..indent_of(self.text)]
    }
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn classify(text: &str) -> Vec<Line<'_>> {
    let mut setting_indent = None;
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let kind = if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            Kind::Other
        } else if setting_indent.is_some_and(|indent| indent_of(line) > indent) {
            Kind::Continuation
        } else if let Some(section) =
            trimmed.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')).map(|(name, _)| name)
        {
            setting_indent = None;
            Kind::Header(section)
        } else if let Some((key, _)) = trimmed.split_once(['=', ':']) {
            setting_indent = Some(indent_of(line));
            Kind::Setting(key.trim_end())
        } else {
            Kind::Other
        };
        lines.push(Line { text: line, kind });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &[(&str, &str)] = &[("region", "R"), ("endpoint_url", "E")];
    const KEYS: &[(&str, &str)] = &[("aws_access_key_id", "A"), ("aws_secret_access_key", "S")];

    fn check(file: AwsFile, name: &str, before: &str, after: &str) {
        let settings = match file {
            AwsFile::Config => SETTINGS,
            AwsFile::Credentials => KEYS,
        };
        let once = set_profile(before, file, name, settings).expect("edited");
        assert_eq!(once, after, "{name} in {before:?}");
        let twice = set_profile(&once, file, name, settings).expect("edited again");
        assert_eq!(twice, after, "a second edit changes nothing");
    }

    #[test]
    fn config_before_and_after() {
        let new = "[profile t]\nregion = R\nendpoint_url = E\n";
        let table: &[(&str, &str, &str)] = &[
            ("t", "", new),
            ("default", "", "[default]\nregion = R\nendpoint_url = E\n"),
            ("t", "# note", &format!("# note\n\n{new}")),
            ("t", "[default]\nregion=x\n", &format!("[default]\nregion=x\n\n{new}")),
            // Credentials' names do not count here, nor do beginnings of names.
            ("t", "[t]\na=b\n[profile tt]\n", &format!("[t]\na=b\n[profile tt]\n\n{new}")),
            ("t", "[profile t]", new),
            (
                "t",
                "; top\n[profile t]\n# why\noutput = json\nREGION: old\n\n# next\n\
                 [profile u]\nregion = u\n",
                "; top\n[profile t]\n# why\noutput = json\nregion = R\nendpoint_url = E\n\n\
                 # next\n[profile u]\nregion = u\n",
            ),
            (
                "t",
                "[profile \"t\"]\n  region = a\n  s3 =\n    region = b\n    style = path\n",
                "[profile \"t\"]\n  region = R\n  s3 =\n    region = b\n    style = path\n\
                 endpoint_url = E\n",
            ),
            // What would sign or send otherwise goes; comments stay.
            (
                "t",
                "[profile t]\nrole_arn = x\n# role\nsource_profile = y\nsso_session = s\n\
                 services = local\n  more\ncli_pager =\nregion = a\n  b\nregion = c\n",
                "[profile t]\n# role\ncli_pager =\nregion = R\nendpoint_url = E\n",
            ),
            (
                "t",
                "[a]\r\nb = c\r\n",
                "[a]\r\nb = c\r\n\r\n[profile t]\r\nregion = R\r\nendpoint_url = E\r\n",
            ),
            (
                "t",
                "[profile t]\nregion = a\noutput = x",
                "[profile t]\nregion = R\noutput = x\nendpoint_url = E\n",
            ),
            (
                "default",
                "[profile default]\nregion = a\n",
                "[profile default]\nregion = R\nendpoint_url = E\n",
            ),
        ];
        for (name, before, after) in table {
            check(AwsFile::Config, name, before, after);
        }
    }

    #[test]
    fn credentials_before_and_after() {
        let new = "[t]\naws_access_key_id = A\naws_secret_access_key = S\n";
        let table: &[(&str, &str)] = &[
            ("", new),
            ("[profile t]\nx = y\n", &format!("[profile t]\nx = y\n\n{new}")),
            (
                "[a]\naws_access_key_id = 1\n\n[t]\naws_secret_access_key=2\n\
                 aws_session_token = 3\n\n[b]\naws_access_key_id = 4\n",
                "[a]\naws_access_key_id = 1\n\n[t]\naws_secret_access_key = S\n\
                 aws_access_key_id = A\n\n[b]\naws_access_key_id = 4\n",
            ),
        ];
        for (before, after) in table {
            check(AwsFile::Credentials, "t", before, after);
        }
    }

    #[test]
    fn profile_that_stands_twice_is_not_guessed_at() {
        let table = [
            (AwsFile::Config, "t", "[profile t]\n[profile 't']\n"),
            (AwsFile::Config, "default", "[default]\n[profile default]\n"),
            (AwsFile::Credentials, "t", "[t]\n[t]\n"),
        ];
        for (file, name, text) in table {
            assert_eq!(set_profile(text, file, name, SETTINGS), Err(EditError::Repeated), "{text}");
        }
    }
}
