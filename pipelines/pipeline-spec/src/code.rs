//! The table of diagnostic codes: stable names, each with its meaning in one line.

use std::fmt;

/// Declares the enum, its names and its meanings from one table.
macro_rules! codes {
    ($($variant:ident $name:literal $meaning:literal,)*) => {
        /// What kind of thing is wrong. Names never change once released.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable name: `unknown-step`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One sentence on what the code means.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    // The text as YAML.
    FileTooLarge "file-too-large" "The file is larger than a pipeline file may be.",
    YamlSyntax "yaml-syntax" "The text is not valid YAML.",
    YamlTooDeep "yaml-too-deep" "Lists and maps are nested too deeply.",
    YamlAlias "yaml-alias" "Aliases (`*name`) contain themselves or expand to too much.",
    YamlDuplicateKey "yaml-duplicate-key" "A key stands twice in one map.",
    YamlDocuments "yaml-documents" "The file holds more than one YAML document.",
    YamlKey "yaml-key" "A key is not text.",
    YamlTag "yaml-tag" "A value carries a YAML tag, which this language does not use.",
    YamlMerge "yaml-merge" "A merge (`<<`) is given something other than a map or a list of maps.",
    YamlNumber "yaml-number" "A number is not finite or does not fit in 64 bits.",
    // The form of a pipeline.
    EmptyPipeline "empty-pipeline" "The file is empty or has no steps.",
    UnknownKey "unknown-key" "A key is not part of the language.",
    MissingKey "missing-key" "A key that must be given is absent.",
    WrongType "wrong-type" "A value is of another type than its key takes.",
    InvalidName "invalid-name" "A name has characters or a length that names may not have.",
    StepKind "step-kind" "A step says none or more than one of `uses:`, `run:` and `approve:`.",
    MisplacedKey "misplaced-key" "A key stands in a step of a kind that does not take it.",
    InvalidInput "invalid-input" "An input is in none of the forms that inputs have.",
    UnknownType "unknown-type" "There is no artifact or parameter type of this name.",
    InvalidDeclaration "invalid-declaration" "A declaration is out of bounds or contradicts itself.",
    InvalidDuration "invalid-duration" "A duration is in none of the forms that durations have, or out of bounds.",
    InvalidSize "invalid-size" "A size is in none of the forms that sizes have, or out of bounds.",
    AmbiguousText "ambiguous-text" "A number or boolean is used as text, but YAML changed how it was written.",
    // What names stand for.
    UnknownComponent "unknown-component" "`uses:` names a component that does not exist.",
    UnknownParameter "unknown-parameter" "`with:` names a parameter that the component does not have.",
    UnknownInput "unknown-input" "`inputs:` names a port that the component does not have.",
    UnknownOutput "unknown-output" "A step has no output of this name.",
    UnknownStep "unknown-step" "There is no step of this id.",
    MissingInput "missing-input" "An input that the component needs is not given.",
    MissingParameter "missing-parameter" "A parameter that the component needs is not given.",
    TypeMismatch "type-mismatch" "An artifact or value of one type is given where another is taken.",
    TooManyInputs "too-many-inputs" "A list is given to an input that takes one artifact.",
    InvalidParameter "invalid-parameter" "A parameter's value is of the wrong type, out of bounds or makes no sense to the component.",
    NameCollision "name-collision" "Two names become the same variable or the same name in expressions.",
    ReservedName "reserved-name" "A variable's name is one that the engine sets itself.",
    NeedsFinally "needs-finally" "A step needs one of `finally:`, which runs after all steps.",
    Cycle "cycle" "Steps wait for each other in a circle.",
    // Expressions.
    ExpressionSyntax "expression-syntax" "An expression is not closed or not valid.",
    ExpressionName "expression-name" "An expression uses a name that does not exist.",
    ExpressionFunction "expression-function" "An expression uses a filter, function, method or test that does not exist.",
    ExpressionInShell "expression-in-shell" "An expression stands in a shell string, where its value could become code.",
    ExpressionMisplaced "expression-misplaced" "An expression stands where none is evaluated.",
    // Warnings.
    UnusedParameter "unused-parameter" "A pipeline parameter is declared but never used.",
    UnneededValidate "unneeded-validate" "Nothing waits for a `validate` step, so its refusal stops nothing.",
    VacuousSchema "vacuous-schema" "A schema is inferred from the statistics that it validates, so it finds nothing.",
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
