//! Pipelines and their versions, as far as runs were made of them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use orchestrator_api as api;
use orchestrator_api::{DocumentVersion, PipelinesQuery, VersionsQuery};
use pipeline_spec::did_you_mean;
use run_engine::ids::RunId;
use run_store::RunRow;

use super::extract::Params;
use super::find::{cursor, page_rows};
use super::problem::{Answer, Refusal};
use super::{Api, etag};
use crate::documents;

#[utoipa::path(
    get,
    path = "/api/v1/pipelines",
    params(PipelinesQuery),
    responses((status = 200, description = "Pipelines, by name", body = api::Pipelines), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(api): State<Api>,
    Params(query): Params<PipelinesQuery>,
) -> Answer<api::Pipelines> {
    api.blocking(move |api| Ok(Json(api.pipelines(&query)?)))
        .await
}

#[utoipa::path(
    get,
    path = "/api/v1/pipelines/{pipeline}",
    params(("pipeline" = String, Path, description = "Its name", example = "judged"), ("If-None-Match" = Option<String>, Header, description = "The tag of what the client has")),
    responses((status = 200, description = "The pipeline", body = api::PipelineDocument), (status = 304, description = "The client has it"), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn one(
    State(api): State<Api>,
    Path(pipeline): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    api.blocking(move |api| {
        let newest = api.newest_of(&pipeline)?;
        let document = api::PipelineDocument {
            version: DocumentVersion,
            pipeline: api.pipeline(&newest),
        };
        etag::document(&headers, &document)
    })
    .await
}

#[utoipa::path(
    get,
    path = "/api/v1/pipelines/{pipeline}/versions",
    params(("pipeline" = String, Path, description = "Name of the pipeline", example = "judged"), VersionsQuery),
    responses((status = 200, description = "Its versions, that of the newest run first", body = api::PipelineVersions), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn versions(
    State(api): State<Api>,
    Path(pipeline): Path<String>,
    Params(query): Params<VersionsQuery>,
) -> Answer<api::PipelineVersions> {
    api.blocking(move |api| Ok(Json(api.versions(&pipeline, &query)?)))
        .await
}

#[utoipa::path(
    get,
    path = "/api/v1/pipelines/{pipeline}/versions/{plan}",
    params(("pipeline" = String, Path, description = "Name of the pipeline", example = "judged"), ("plan" = String, Path, description = "The version's `plan_id`, or `latest`", example = "latest"), ("If-None-Match" = Option<String>, Header, description = "The tag of what the client has")),
    responses((status = 200, description = "The version", body = api::PipelineVersion), (status = 304, description = "The client has it"), (status = "default", description = "A problem", body = orchestrator_api::Problem, content_type = "application/problem+json"))
)]
pub(super) async fn version(
    State(api): State<Api>,
    Path((pipeline, plan)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    api.blocking(move |api| etag::document(&headers, &api.version(&pipeline, &plan)?))
        .await
}

impl Api {
    fn pipelines(&self, query: &PipelinesQuery) -> Result<api::Pipelines, Refusal> {
        let limit = page_rows(query.limit)?;
        let mut rows = self.reader.pipelines()?;
        if let Some(after) = &query.cursor {
            rows.retain(|row| row.pipeline > *after);
        }
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| has_more);
        Ok(api::Pipelines {
            version: DocumentVersion,
            next_cursor: last.map(|row| row.pipeline.clone()),
            pipelines: rows.iter().map(|row| self.pipeline(row)).collect(),
        })
    }

    /// A pipeline by its newest run.
    fn pipeline(&self, newest: &RunRow) -> api::Pipeline {
        let latest = self.summary(newest, &[]);
        api::Pipeline {
            pipeline: latest.pipeline.clone(),
            pipeline_file: latest.pipeline_file.clone(),
            plan_id: latest.plan_id.clone(),
            latest,
        }
    }

    fn versions(
        &self,
        pipeline: &str,
        query: &VersionsQuery,
    ) -> Result<api::PipelineVersions, Refusal> {
        let limit = page_rows(query.limit)?;
        let before = cursor(query.cursor.as_deref())?.map(RunId);
        self.newest_of(pipeline)?;
        // One more than the page holds tells whether there is another.
        let mut rows = self.reader.versions(pipeline, before, limit + 1)?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| has_more);
        Ok(api::PipelineVersions {
            version: DocumentVersion,
            pipeline: pipeline.to_owned(),
            next_cursor: last.map(|row| row.run.to_string()),
            versions: rows
                .iter()
                .map(|row| api::VersionSummary {
                    plan_id: row.plan_id.clone(),
                    run_id: row.run.0,
                    run_at: row.created_at,
                })
                .collect(),
        })
    }

    fn version(&self, pipeline: &str, plan_id: &str) -> Result<api::PipelineVersion, Refusal> {
        let newest = self.newest_of(pipeline)?;
        let is_it = |row: &RunRow| plan_id == "latest" || row.plan_id == plan_id;
        let run = if is_it(&newest) {
            Some(newest)
        } else {
            let versions = self.reader.versions(pipeline, None, usize::MAX)?;
            versions.into_iter().find(is_it)
        };
        let unknown = || {
            let detail = format!("no run of pipeline `{pipeline}` executed the plan `{plan_id}`");
            let hint = format!("`GET /api/v1/pipelines/{pipeline}/versions` lists those that were");
            Refusal::not_found("unknown_version", detail).hint(hint)
        };
        let run = run.ok_or_else(unknown)?;
        let plan = self.reader.plan(run.run)?.ok_or_else(unknown)?;
        Ok(documents::version(&plan, &run.plan_id))
    }

    /// The newest run of a pipeline; a problem if there is none.
    fn newest_of(&self, pipeline: &str) -> Result<RunRow, Refusal> {
        let run = self.reader.newest_run(Some(pipeline))?;
        let row = run.map(|run| self.reader.run(run)).transpose()?.flatten();
        if let Some(row) = row {
            return Ok(row);
        }
        let known = self.reader.pipelines()?;
        let names = known.iter().map(|row| row.pipeline.as_str());
        let detail = format!("there is no run of a pipeline `{pipeline}`");
        Err(Refusal::not_found("unknown_pipeline", detail).hint(did_you_mean(pipeline, names)))
    }
}
