//! `transform.json` and its vocabularies: how a graph lies in a folder.
//!
//! A node is written as its name, version, arguments (the user's) and constants (fitted); a vocabulary
//! lies in a file of its own, one JSON string a line, whose digest the node holds. The digest of
//! `transform.json` therefore covers everything.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::operation::{BinaryOperator, Operation, Vocabulary};
use super::types::{ValueType, result_type};
use super::{Analysed, FILE, FORMAT_VERSION, Graph, Node, Output, Role};
use crate::error::ScoringError;
use crate::signature::{Class, RawInput};

/// The newest version of every operation.
const OPERATION_VERSION: u32 = 1;
/// The folder of the vocabularies, in the graph's folder.
const VOCABULARIES: &str = "vocabularies";

#[derive(Serialize, Deserialize)]
struct GraphFile {
    format_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    analysed: Option<Analysed>,
    inputs: Vec<RawInput>,
    nodes: Vec<NodeFile>,
    outputs: Vec<Output>,
}

#[derive(Serialize, Deserialize)]
struct NodeFile {
    id: usize,
    op: String,
    op_version: u32,
    inputs: Vec<usize>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    args: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    constants: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asset: Option<Asset>,
}

#[derive(Serialize, Deserialize)]
struct Asset {
    file: String,
    digest: String,
}

impl Graph {
    /// Reads the graph of a folder and checks that it is whole.
    pub fn read(folder: &Path) -> Result<Self, ScoringError> {
        let path = folder.join(FILE);
        let bytes = read(&path)?;
        let json = |source| ScoringError::Json {
            path: path.clone(),
            what: "transform graph",
            source,
        };
        let version: FormatVersion = serde_json::from_slice(&bytes).map_err(json)?;
        newest(
            &path.display().to_string(),
            version.format_version,
            FORMAT_VERSION,
        )?;
        let file: GraphFile = serde_json::from_slice(&bytes).map_err(json)?;
        let mut nodes = Vec::with_capacity(file.nodes.len());
        for (position, node) in file.nodes.into_iter().enumerate() {
            if node.id != position {
                return Err(ScoringError::Graph(format!(
                    "node {} stands at position {position}; ids count from 0",
                    node.id
                )));
            }
            let operation = operation(folder, &node)?;
            nodes.push(Node {
                inputs: node.inputs,
                operation,
            });
        }
        let graph = Self {
            inputs: file.inputs,
            nodes,
            outputs: file.outputs,
            analysed: file.analysed,
        };
        graph.check()?;
        Ok(graph)
    }

    /// Writes the graph into a folder, which is made if it is missing, and gives its digest.
    pub fn write(&self, folder: &Path) -> Result<String, ScoringError> {
        fs::create_dir_all(folder).map_err(|source| ScoringError::Write {
            path: folder.to_owned(),
            source,
        })?;
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for (id, node) in self.nodes.iter().enumerate() {
            let (args, constants) = parts(&node.operation);
            let asset = match &node.operation {
                Operation::Vocabulary { vocabulary, .. } => {
                    Some(write_vocabulary(folder, id, vocabulary)?)
                }
                _ => None,
            };
            nodes.push(NodeFile {
                id,
                op: node.operation.name().to_owned(),
                op_version: OPERATION_VERSION,
                inputs: node.inputs.clone(),
                args,
                constants,
                asset,
            });
        }
        let file = GraphFile {
            format_version: FORMAT_VERSION,
            analysed: self.analysed.clone(),
            inputs: self.inputs.clone(),
            nodes,
            outputs: self.outputs.clone(),
        };
        let path = folder.join(FILE);
        let mut text =
            serde_json::to_string_pretty(&file).map_err(|source| ScoringError::Json {
                path: path.clone(),
                what: "transform graph",
                source,
            })?;
        text.push('\n');
        write(&path, text.as_bytes())?;
        Ok(blake3::hash(text.as_bytes()).to_hex().to_string())
    }

    /// The digest of a folder's `transform.json`, as `signature.json` holds it.
    pub fn digest(folder: &Path) -> Result<String, ScoringError> {
        Ok(blake3::hash(&read(&folder.join(FILE))?)
            .to_hex()
            .to_string())
    }

    /// Checks order, types and outputs, and gives the type of every node.
    pub fn check(&self) -> Result<Vec<ValueType>, ScoringError> {
        let wrong = |position: usize, message: String| {
            ScoringError::Graph(format!("node {position}: {message}"))
        };
        let mut types: Vec<ValueType> = Vec::with_capacity(self.nodes.len());
        for (position, node) in self.nodes.iter().enumerate() {
            if let Some(input) = node.inputs.iter().find(|input| **input >= position) {
                return Err(wrong(
                    position,
                    format!("it reads node {input}, which is not before it"),
                ));
            }
            let inputs: Vec<ValueType> = node.inputs.iter().map(|input| types[*input]).collect();
            types.push(match &node.operation {
                Operation::Column { name } => {
                    let input = self.inputs.iter().find(|input| input.name == *name);
                    let input = input
                        .ok_or_else(|| wrong(position, format!("no input is called `{name}`")))?;
                    ValueType::of_column(input.column_type)
                }
                operation => {
                    result_type(operation, &inputs).map_err(|message| wrong(position, message))?
                }
            });
        }
        for output in &self.outputs {
            check_output(output, &types)?;
        }
        Ok(types)
    }
}

fn check_output(output: &Output, types: &[ValueType]) -> Result<(), ScoringError> {
    let wrong =
        |message: String| ScoringError::Graph(format!("the output `{}` {message}", output.name));
    let value_type = types
        .get(output.node)
        .ok_or_else(|| wrong(format!("names node {}, which does not exist", output.node)))?;
    let fits = match output.role {
        Role::Feature => value_type.width() == Some(output.width),
        Role::Weight => value_type.is_numeric(),
        Role::Label => match &output.classes {
            None => value_type.is_numeric(),
            Some(classes) => {
                classes.is_sorted()
                    && classes.iter().all(|class| {
                        matches!(
                            (class, value_type),
                            (Class::Boolean(_), ValueType::Boolean)
                                | (
                                    Class::Integer(_),
                                    ValueType::Integer | ValueType::Index { .. }
                                )
                                | (Class::Text(_), ValueType::Text)
                        )
                    })
            }
        },
        Role::Key => true,
    };
    if fits {
        Ok(())
    } else {
        Err(wrong(format!(
            "does not fit {}, which its node gives",
            value_type.describe()
        )))
    }
}

#[derive(Deserialize)]
struct FormatVersion {
    format_version: u32,
}

/// Refuses what a newer version wrote.
pub(crate) fn newest(what: &str, found: u32, newest: u32) -> Result<(), ScoringError> {
    if found > newest {
        return Err(ScoringError::Newer {
            what: what.to_owned(),
            found,
            newest,
        });
    }
    Ok(())
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ScoringError> {
    fs::read(path).map_err(|source| ScoringError::Read {
        path: path.to_owned(),
        source,
    })
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), ScoringError> {
    fs::write(path, bytes).map_err(|source| ScoringError::Write {
        path: path.to_owned(),
        source,
    })
}

fn write_vocabulary(
    folder: &Path,
    id: usize,
    vocabulary: &Vocabulary,
) -> Result<Asset, ScoringError> {
    let file = format!("{VOCABULARIES}/{id}.jsonl");
    let path = folder.join(VOCABULARIES);
    fs::create_dir_all(&path).map_err(|source| ScoringError::Write { path, source })?;
    let mut text = String::new();
    for term in vocabulary.terms() {
        text.push_str(&Value::from(term.as_str()).to_string());
        text.push('\n');
    }
    write(&folder.join(&file), text.as_bytes())?;
    Ok(Asset {
        file,
        digest: blake3::hash(text.as_bytes()).to_hex().to_string(),
    })
}

fn read_vocabulary(folder: &Path, node: &NodeFile) -> Result<Vocabulary, ScoringError> {
    let asset = node.asset.as_ref().ok_or_else(|| {
        ScoringError::Graph(format!("node {} is a vocabulary without its file", node.id))
    })?;
    // The name is of our own making: anything else might point out of the folder.
    if asset.file != format!("{VOCABULARIES}/{}.jsonl", node.id) {
        return Err(ScoringError::Graph(format!(
            "node {} names the file `{}`",
            node.id, asset.file
        )));
    }
    let path = folder.join(&asset.file);
    let bytes = read(&path)?;
    let found = blake3::hash(&bytes).to_hex().to_string();
    if found != asset.digest {
        return Err(ScoringError::Digest {
            path,
            found,
            expected: asset.digest.clone(),
        });
    }
    let terms: Result<Vec<String>, _> = serde_json::Deserializer::from_slice(&bytes)
        .into_iter::<String>()
        .collect();
    let terms = terms.map_err(|source| ScoringError::Json {
        path,
        what: "vocabulary",
        source,
    })?;
    Ok(Vocabulary::new(terms))
}

/// The arguments and constants of an operation.
fn parts(operation: &Operation) -> (Map<String, Value>, Map<String, Value>) {
    use Operation as O;
    let none = || json!({});
    let (args, constants) = match operation {
        O::Column { name } => (json!({ "name": name }), none()),
        O::Literal(value) => (json!({ "value": value }), none()),
        O::ZScore { mean, variance } => (none(), json!({ "mean": mean, "variance": variance })),
        O::MinMax {
            low,
            high,
            minimum,
            maximum,
        } => (
            json!({ "low": low, "high": high }),
            json!({ "minimum": minimum, "maximum": maximum }),
        ),
        O::Bucketize {
            buckets,
            boundaries,
        } => (
            json!({ "buckets": buckets }),
            json!({ "boundaries": boundaries }),
        ),
        O::Vocabulary {
            top_k,
            min_frequency,
            oov_buckets,
            ..
        } => (
            json!({ "top_k": top_k, "min_frequency": min_frequency, "oov_buckets": oov_buckets }),
            none(),
        ),
        O::Hash { buckets } => (json!({ "buckets": buckets }), none()),
        O::OneHot { size } => (none(), json!({ "size": size })),
        O::Impute { strategy, value } => {
            (json!({ "strategy": strategy }), json!({ "value": value }))
        }
        O::Clip { min, max } => (json!({ "min": min, "max": max }), none()),
        O::Log { add } => (json!({ "add": add }), none()),
        O::DatePart { part, unit } => (json!({ "part": part, "unit": unit }), none()),
        O::Cross | O::Negate | O::Not | O::IsNull | O::Binary(_) => (none(), none()),
    };
    let map = |value: Value| match value {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    (map(args), map(constants))
}

/// Fields of arguments and constants by name.
struct Fields<'a>(&'a NodeFile);

impl Fields<'_> {
    fn get<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, ScoringError> {
        let value = self.0.args.get(name).or_else(|| self.0.constants.get(name));
        serde_json::from_value(value.cloned().unwrap_or(Value::Null)).map_err(|error| {
            ScoringError::Graph(format!(
                "node {} (`{}`): `{name}`: {error}",
                self.0.id, self.0.op
            ))
        })
    }
}

fn operation(folder: &Path, node: &NodeFile) -> Result<Operation, ScoringError> {
    use Operation as O;
    newest(
        &format!("the operation `{}`", node.op),
        node.op_version,
        OPERATION_VERSION,
    )?;
    let fields = Fields(node);
    Ok(match node.op.as_str() {
        "column" => O::Column {
            name: fields.get("name")?,
        },
        "literal" => O::Literal(fields.get("value")?),
        "z_score" => O::ZScore {
            mean: fields.get("mean")?,
            variance: fields.get("variance")?,
        },
        "min_max" => O::MinMax {
            low: fields.get("low")?,
            high: fields.get("high")?,
            minimum: fields.get("minimum")?,
            maximum: fields.get("maximum")?,
        },
        "bucketize" => O::Bucketize {
            buckets: fields.get("buckets")?,
            boundaries: fields.get("boundaries")?,
        },
        "vocabulary" => O::Vocabulary {
            top_k: fields.get("top_k")?,
            min_frequency: fields.get("min_frequency")?,
            oov_buckets: fields.get("oov_buckets")?,
            vocabulary: read_vocabulary(folder, node)?,
        },
        "hash" => O::Hash {
            buckets: fields.get("buckets")?,
        },
        "one_hot" => O::OneHot {
            size: fields.get("size")?,
        },
        "impute" => O::Impute {
            strategy: fields.get("strategy")?,
            value: fields.get("value")?,
        },
        "clip" => O::Clip {
            min: fields.get("min")?,
            max: fields.get("max")?,
        },
        "log" => O::Log {
            add: fields.get("add")?,
        },
        "cross" => O::Cross,
        "date_part" => O::DatePart {
            part: fields.get("part")?,
            unit: fields.get("unit")?,
        },
        "negate" => O::Negate,
        "not" => O::Not,
        "is_null" => O::IsNull,
        name => match BinaryOperator::ALL
            .into_iter()
            .find(|operator| operator.name() == name)
        {
            Some(operator) => O::Binary(operator),
            None => {
                return Err(ScoringError::Graph(format!(
                    "node {} has the operation `{name}`, which is not known: use a newer ropewalk",
                    node.id
                )));
            }
        },
    })
}
