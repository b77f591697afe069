//! The files of an artifact: a list, and each of them.
//!
//! A path that leads out of the artifact's folder, by itself or through a link, leads nowhere: the
//! kernel is asked to open it beneath that folder.

use std::fs;
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use orchestrator_api::{ArtifactFile, ArtifactFiles, DocumentVersion, FilesQuery};
use run_engine::artifact::Artifact;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};

use super::extract::Params;
use super::find::page_rows;
use super::problem::{Answer, Refusal};
use super::{Api, etag, file_answer};
use crate::limits::FILES_WALKED_MAX;

#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{artifact}/files",
    params(("artifact" = String, Path, description = "An id, a unique prefix of it, or `[RUN/]STEP.PORT`", example = "a.out"), FilesQuery),
    responses((status = 200, description = "Its files", body = ArtifactFiles), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(api): State<Api>,
    Path(artifact): Path<String>,
    Params(query): Params<FilesQuery>,
) -> Answer<ArtifactFiles> {
    api.blocking(move |api| {
        let artifact = api.artifact(&artifact)?;
        Ok(Json(page(&api.place(&artifact)?, &query)?))
    })
    .await
}

#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{artifact}/files/{path}",
    params(("artifact" = String, Path, description = "An id, a unique prefix of it, or `[RUN/]STEP.PORT`", example = "a.out"), ("path" = String, Path, description = "Its path within the artifact", example = "x"), ("Range" = Option<String>, Header, description = "A part of it: `bytes=0-99`"), ("If-None-Match" = Option<String>, Header, description = "The tag of what the client has")),
    responses((status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"), (status = 206, description = "The part that was asked for", body = Vec<u8>, content_type = "application/octet-stream"), (status = 304, description = "The client has it"), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn one(
    State(api): State<Api>,
    Path((artifact, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (artifact, file) = api
        .blocking(move |api| {
            let artifact = api.artifact(&artifact)?;
            let file = open(&api.place(&artifact)?, &path)?;
            Ok(((artifact, path), file))
        })
        .await?;
    let (artifact, path): (Arc<Artifact>, String) = artifact;
    let tag = etag::tag(&[artifact.digest.as_bytes(), path.as_bytes()]);
    file_answer::file(file.into(), &headers, Some(&tag)).await
}

impl Api {
    /// Where an artifact's bytes lie.
    fn place(&self, artifact: &Artifact) -> Result<PathBuf, Refusal> {
        if artifact.path.is_empty() {
            let detail = format!(
                "the files of artifact {} lie outside of the state folder, and are not given out",
                artifact.id
            );
            return Err(Refusal::not_found("external_files", detail));
        }
        Ok(self.state_dir.join(&artifact.path))
    }
}

fn page(place: &FilePath, query: &FilesQuery) -> Result<ArtifactFiles, Refusal> {
    let rows = page_rows(query.limit)?;
    let mut files = walk(place).map_err(|error| Refusal::reading(&error))?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    if let Some(cursor) = &query.cursor {
        files.retain(|file| file.path > *cursor);
    }
    let has_more = files.len() > rows;
    files.truncate(rows);
    let last = files.last().filter(|_| has_more);
    Ok(ArtifactFiles {
        version: DocumentVersion,
        next_cursor: last.map(|file| file.path.clone()),
        files,
    })
}

/// All files below a folder; a file alone by its name. Links are not followed, and not listed.
fn walk(place: &FilePath) -> io::Result<Vec<ArtifactFile>> {
    let mut files = Vec::new();
    let mut rest = Vec::new();
    let root = if fs::symlink_metadata(place)?.is_dir() {
        rest.push(place.to_path_buf());
        place
    } else {
        let folder = place.parent().unwrap_or(place);
        files.extend(listed(folder, place)?);
        folder
    };
    while let Some(folder) = rest.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                rest.push(entry.path());
            } else {
                files.extend(listed(root, &entry.path())?);
            }
        }
        if files.len() > FILES_WALKED_MAX {
            let why = format!("it has more than {FILES_WALKED_MAX} files");
            return Err(io::Error::other(why));
        }
    }
    Ok(files)
}

fn listed(root: &FilePath, path: &FilePath) -> io::Result<Option<ArtifactFile>> {
    let data = fs::symlink_metadata(path)?;
    let name = path.strip_prefix(root).ok().and_then(FilePath::to_str);
    Ok(name.filter(|_| data.is_file()).map(|name| ArtifactFile {
        path: name.to_owned(),
        size_bytes: data.len(),
    }))
}

/// Opens a file of the artifact that lies there.
fn open(place: &FilePath, path: &str) -> Result<fs::File, Refusal> {
    let unknown = || {
        let detail = format!("the artifact has no file `{path}`");
        Refusal::not_found("unknown_file", detail)
    };
    let is_folder = fs::symlink_metadata(place)
        .map_err(|error| Refusal::reading(&error))?
        .is_dir();
    let root = if is_folder {
        place
    } else if place.file_name().is_some_and(|name| name == path) {
        place.parent().unwrap_or(place)
    } else {
        return Err(unknown());
    };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let folder = openat(CWD, root, flags | OFlags::DIRECTORY, Mode::empty());
    let folder = folder.map_err(|error| Refusal::reading(&error.into()))?;
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let file = openat2(&folder, path, flags, Mode::empty(), beneath);
    let file = fs::File::from(file.map_err(|_| unknown())?);
    let data = file.metadata().map_err(|error| Refusal::reading(&error))?;
    if data.is_file() {
        Ok(file)
    } else {
        Err(unknown())
    }
}
