using System.Text;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.Exports;

namespace Gpt2Cluster.Fuzz.Targets;

/// <summary>The readers of what lies in data folders and travels with models.</summary>
internal static class RecordTargets
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<ParserTarget> All { get; } =
    [
        new("manifest", Owner.Ours, RecordSeeds.Manifest, scratch => input =>
        {
            scratch.Write(CheckpointManifest.FileName, input);
            CheckpointModel.ReadManifest(scratch.Folder).Layout();
        })
        {
            Words = [.. Vocabularies.Json, "checksum", "record", "files", "specification", "history", "step"],
            FileName = CheckpointManifest.FileName,
        },
        new("specification", Owner.Ours, RecordSeeds.Specification, _ => input =>
            SpecificationJson.Leaves(SpecificationJson.Read(Encoding.UTF8.GetString(input))))
        {
            Words = [.. Vocabularies.Json, "model", "shape", "schedule", "run1", "float32", "dataset"],
        },
        new("provenance", Owner.Ours, RecordSeeds.Origins, scratch => input =>
            OriginReader.Read(scratch.Write(Origin.FileName, input))?.Chain().Count())
        {
            Words = [.. Vocabularies.Json, "name", "base", "license", "settings", "{\"name\":\"a\",\"base\":"],
        },
        new("dataset-description", Owner.Ours, RecordSeeds.Dataset, scratch =>
        {
            var folder = Directory.CreateDirectory(scratch.File(RecordSeeds.DatasetHash));
            return input =>
            {
                File.WriteAllBytes(Path.Combine(folder.FullName, DatasetDescription.FileName), input);
                new DatasetDirectory(scratch.Folder).Open(RecordSeeds.DatasetHash).Dispose();
            };
        })
        {
            Words = [.. Vocabularies.Json, "sha256", "token_count", "shard_tokens", "shard_sha256"],
        },
    ];
}
