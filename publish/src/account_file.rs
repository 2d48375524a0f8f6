//! Files that say accounts, or the fields of a publication: TOML, YAML or JSON. What is wrong in one is told with its place.

use std::collections::BTreeMap;
use std::fmt;

use saphyr::{MarkedYaml, ScalarStyle, ScanError, YamlData, YamlLoader};
use saphyr_parser::Parser;
use secrecy::SecretString;
use toml_edit::{Document, Item, TableLike, Value};

use crate::account::Account;
use crate::fields::{FieldFault, TargetType};

/// What a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// TOML.
    Toml,
    /// YAML, of which JSON is a part.
    Yaml,
}

impl FileFormat {
    /// What the end of a file's name says.
    pub fn of(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" | "json" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// What is wrong with a file, and where.
#[derive(Debug, thiserror::Error)]
pub struct FileFault {
    /// The line, from 1; none: nowhere alone.
    pub line: Option<usize>,
    /// Of which account, by its name or number.
    pub of: Option<String>,
    /// What.
    pub what: String,
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if let Some(of) = &self.of {
            write!(f, "account {of}: ")?;
        }
        f.write_str(&self.what)
    }
}

/// What was read of a file: values by their keys, and the line of each.
struct Read {
    values: Vec<(String, String, usize)>,
    line: usize,
}

/// A list of tables in a file.
const ACCOUNTS: &str = "accounts";

/// The accounts that a file says: one, or a list under `accounts`.
///
/// # Errors
///
/// All that is wrong with them.
pub fn read_accounts(text: &str, format: FileFormat) -> Result<Vec<Account>, Vec<FileFault>> {
    let tables = match text.trim() {
        "" => Vec::new(),
        _ => read(text, format).map_err(|fault| vec![fault])?,
    };
    let (mut accounts, mut faults) = (Vec::new(), Vec::new());
    let mut names = std::collections::BTreeSet::new();
    for (number, table) in tables.into_iter().enumerate() {
        let line = table.line;
        match account(table, number + 1) {
            Ok(account) if !names.insert(account.name.clone()) => faults.push(FileFault {
                line: Some(line),
                of: Some(account.name),
                what: "the file says two accounts of this name".to_owned(),
            }),
            Ok(account) => accounts.push(account),
            Err(wrong) => faults.extend(wrong),
        }
    }
    if accounts.is_empty() && faults.is_empty() {
        faults.push(FileFault { line: None, of: None, what: "it says no account".to_owned() });
    }
    if faults.is_empty() { Ok(accounts) } else { Err(faults) }
}

/// The values of a publication that a file says, by their keys.
///
/// # Errors
///
/// It cannot be read, or says more than one.
pub fn read_fields(text: &str, format: FileFormat) -> Result<BTreeMap<String, String>, FileFault> {
    let mut tables = read(text, format)?;
    match (tables.pop(), tables.is_empty()) {
        (Some(table), true) => Ok(table.values.into_iter().map(|(key, value, _)| (key, value)).collect()),
        _ => Err(FileFault {
            line: None,
            of: None,
            what: "the fields of one publication are one table".to_owned(),
        }),
    }
}

fn account(table: Read, number: usize) -> Result<Account, Vec<FileFault>> {
    let said =
        |key: &str| table.values.iter().find(|(known, ..)| known == key).map(|(_, value, _)| value.clone());
    let name = said("name");
    let of = name.clone().unwrap_or_else(|| format!("number {number}"));
    let at = |line: usize, what: String| FileFault { line: Some(line), of: Some(of.clone()), what };
    let (Some(name), Some(kind)) = (name, said("type")) else {
        let missing = if said("name").is_none() { "name" } else { "type" };
        return Err(vec![at(table.line, format!("`{missing}` is missing"))]);
    };
    let line_of = |key: &str| {
        table.values.iter().find(|(known, ..)| known == key).map_or(table.line, |(_, _, line)| *line)
    };
    let target: TargetType =
        kind.parse().map_err(|fault: FieldFault| vec![at(line_of("type"), fault.to_string())])?;
    let values = table.values.iter().filter(|(key, ..)| !matches!(key.as_str(), "name" | "type"));
    let values = values.map(|(key, value, _)| (key.clone(), SecretString::from(value.clone()))).collect();
    Account::new(name, target, values).map_err(|faults| {
        let place = |fault: FieldFault| {
            let line = match &fault {
                FieldFault::Unknown { key, .. } => line_of(key),
                FieldFault::Wrong { key, .. } => line_of(key),
                FieldFault::Missing { .. } | FieldFault::Type { .. } => table.line,
            };
            at(line, fault.to_string())
        };
        faults.into_iter().map(place).collect()
    })
}

/// All tables of a file: itself, or those under `accounts`.
fn read(text: &str, format: FileFormat) -> Result<Vec<Read>, FileFault> {
    match format {
        FileFormat::Toml => read_toml(text),
        FileFormat::Yaml => read_yaml(text),
    }
}

fn wrong(line: usize, what: impl Into<String>) -> FileFault {
    FileFault { line: Some(line), of: None, what: what.into() }
}

const NOT_PLAIN: &str = "a field is a text, a number, true or false";

fn read_toml(text: &str) -> Result<Vec<Read>, FileFault> {
    let line_at = |at: usize| text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
    let document = Document::parse(text).map_err(|error| {
        // The parser shows the line itself, which may hold a secret.
        wrong(error.span().map_or(1, |span| line_at(span.start)), error.message().trim().to_owned())
    })?;
    let root = document.as_table();
    let line_of = |item: &Item| item.span().map_or(1, |span| line_at(span.start));
    let table = |table: &dyn TableLike, line: usize| {
        let mut read = Read { values: Vec::new(), line };
        for (key, item) in table.iter() {
            let value = match item.as_value() {
                Some(Value::String(text)) => text.value().clone(),
                Some(Value::Integer(number)) => number.value().to_string(),
                Some(Value::Boolean(truth)) => truth.value().to_string(),
                _ => return Err(wrong(line_of(item), format!("`{key}`: {NOT_PLAIN}"))),
            };
            read.values.push((key.to_owned(), value, line_of(item)));
        }
        Ok(read)
    };
    match root.get(ACCOUNTS) {
        None => Ok(vec![table(root, 1)?]),
        Some(Item::ArrayOfTables(tables)) => tables
            .iter()
            .map(|inner| table(inner, inner.span().map_or(1, |span| line_at(span.start))))
            .collect(),
        Some(Item::Value(Value::Array(tables))) => tables
            .iter()
            .map(|inner| {
                let line = inner.span().map_or(1, |span| line_at(span.start));
                let inner = inner.as_inline_table().ok_or_else(|| wrong(line, "an account is a table"))?;
                table(inner, line)
            })
            .collect(),
        Some(item) => Err(wrong(line_of(item), format!("`{ACCOUNTS}` is a list of tables"))),
    }
}

fn read_yaml(text: &str) -> Result<Vec<Read>, FileFault> {
    let mut loader: YamlLoader<'_, MarkedYaml<'_>> = YamlLoader::default();
    // A number stays as it is written: one that begins with a zero, for one.
    loader.early_parse(false);
    let broken = |error: &ScanError| {
        wrong(error.marker().line(), format!("it is neither YAML nor JSON: {}", error.info()))
    };
    Parser::new_from_str(text).load(&mut loader, true).map_err(|error| broken(&error))?;
    if let Some(error) = loader.error() {
        return Err(broken(error));
    }
    let documents = loader.into_documents();
    let [document] = &documents[..] else {
        return Err(wrong(1, "it is not one document"));
    };
    let line = |node: &MarkedYaml<'_>| node.span.start.line();
    let table = |node: &MarkedYaml<'_>| {
        let YamlData::Mapping(mapping) = &node.data else {
            return Err(wrong(line(node), "an account is a table"));
        };
        let mut read = Read { values: Vec::new(), line: line(node) };
        for (key, value) in mapping {
            let name = text_of(key).ok_or_else(|| wrong(line(key), "a key is a text"))?;
            let value = text_of(value).ok_or_else(|| wrong(line(key), format!("`{name}`: {NOT_PLAIN}")))?;
            read.values.push((name, value, line(key)));
        }
        Ok(read)
    };
    let YamlData::Mapping(mapping) = &document.data else {
        return Err(wrong(line(document), "it is no table of keys and values"));
    };
    match mapping.iter().find(|(key, _)| text_of(key).as_deref() == Some(ACCOUNTS)) {
        None => Ok(vec![table(document)?]),
        Some((key, accounts)) => match &accounts.data {
            YamlData::Sequence(all) => all.iter().map(table).collect(),
            _ => Err(wrong(line(key), format!("`{ACCOUNTS}` is a list of tables"))),
        },
    }
}

fn text_of(node: &MarkedYaml<'_>) -> Option<String> {
    match &node.data {
        YamlData::Representation(text, ScalarStyle::Plain, _) if matches!(&**text, "" | "~" | "null") => None,
        YamlData::Representation(text, ..) => Some(text.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use secrecy::ExposeSecret;

    use super::*;

    fn faults(text: &str, format: FileFormat) -> Vec<String> {
        read_accounts(text, format).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_account_is_the_same_in_each_kind_of_file() {
        let toml =
            "type = 'docker'\nname = 'reg'\nendpointUrl = 'https://r'\nlogin = 'a'\npassword = '0123'\n";
        let yaml = "type: docker\nname: reg\nendpointUrl: https://r\nlogin: a\npassword: 0123\n";
        let json = r#"{"type": "Docker", "name": "reg", "endpointUrl": "https://r", "login": "a", "password": "0123"}"#;
        let listed = "accounts:\n- type: docker\n  name: reg\n  endpointUrl: https://r\n  login: a\n  password: 0123\n";
        let in_toml = "[[accounts]]\ntype = 'docker'\nname = 'reg'\nendpointUrl = 'https://r'\nlogin = 'a'\npassword = '0123'";
        for (text, format) in [
            (toml, FileFormat::Toml),
            (in_toml, FileFormat::Toml),
            (yaml, FileFormat::Yaml),
            (json, FileFormat::Yaml),
            (listed, FileFormat::Yaml),
        ] {
            let accounts = read_accounts(text, format).unwrap();
            let [account] = &accounts[..] else { panic!("{text}") };
            assert_eq!((account.name.as_str(), account.target), ("reg", TargetType::Docker));
            // A number that begins with a zero stays as it is written.
            assert_eq!(account.secret("password").expose_secret(), "0123", "{text}");
            assert!(!format!("{account:?}").contains("0123"));
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let text = "type: docker\nname: reg\nendpointURL: https://r\nlogin: a\n";
        assert_eq!(
            faults(text, FileFormat::Yaml),
            [
                "line 3: account reg: `endpointURL` is no field of a docker account; is endpointUrl meant?",
                "line 1: account reg: a docker account needs `endpointUrl`: the registry's address: https://HOST[:PORT]",
                "line 1: account reg: a docker account needs `password`: its password, or an access token",
            ]
        );
        assert_eq!(
            faults("name = 'x'\ntype = 'dokcer'\n", FileFormat::Toml)[0].split(": aws").next().unwrap(),
            "line 2: account x: `dokcer` is no type of target"
        );
        assert_eq!(faults("name: x\n", FileFormat::Yaml), ["line 1: account x: `type` is missing"]);
        assert_eq!(
            faults("name = 'x'\ntype = 'docker'\nlogin = [1]\n", FileFormat::Toml),
            ["line 3: `login`: a field is a text, a number, true or false"]
        );
        // No error quotes the file: it may hold a secret.
        for (text, format) in [
            ("password = 'geheim\n", FileFormat::Toml),
            ("password: 'geheim\n", FileFormat::Yaml),
            ("{\"password\": \"geheim\", }}", FileFormat::Yaml),
        ] {
            let said = faults(text, format).join(" ");
            assert!(said.starts_with("line ") && !said.contains("geheim"), "{said}");
        }
    }
}
