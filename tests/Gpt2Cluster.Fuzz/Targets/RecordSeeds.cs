using System.Text.Json;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Tests.Specification;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Fuzz.Mutations;

namespace Gpt2Cluster.Fuzz.Targets;

/// <summary>Sound records of runs, checkpoints, datasets and where models come from.</summary>
internal static class RecordSeeds
{
    /// <summary>The name that the dataset of <see cref="Dataset"/> has.</summary>
    public static string DatasetHash { get; } = new('a', 64);

    /// <summary>A record of where a model comes from.</summary>
    public static string OriginJson { get; } =
        new Origin { Name = "one", License = "mit", Base = new Origin { Name = "gpt2" } }.Write();

    /// <summary>Checkpoints' manifests, with and without the checksum, behind which nothing else is reached.</summary>
    public static IReadOnlyList<Seed> Manifest()
    {
        var hash = new byte[StateHash.PieceHashBytes];
        var pieces = Convert.ToHexStringLower(hash);
        var manifest = new CheckpointManifest
        {
            Step = 40,
            StateHash = StateHash.Combine(40, hash, hash, hash),
            ParameterPieces = pieces,
            FirstMomentPieces = pieces,
            SecondMomentPieces = pieces,
            Files = [new CheckpointFile("parameters.safetensors", 123, "ab")],
            ValidationLoss = 3.25,
            Record = Record,
        };
        return
        [
            SourceSeeds.Text(manifest.Write()),
            SourceSeeds.Text(JsonSerializer.Serialize(manifest, SpecificationJson.Options)),
        ];
    }

    /// <summary>Specifications.</summary>
    public static IReadOnlyList<Seed> Specification() =>
        [SourceSeeds.Text(SpecificationJson.Write(Specifications.Sound))];

    /// <summary>Records of where a model comes from.</summary>
    public static IReadOnlyList<Seed> Origins() => [SourceSeeds.Text(OriginJson)];

    /// <summary>Descriptions of tokenised datasets.</summary>
    public static IReadOnlyList<Seed> Dataset() =>
    [
        SourceSeeds.Text(JsonSerializer.Serialize(
            new DatasetDescription(DatasetHash, 10, 2, "a text", 8, [DatasetHash, DatasetHash]),
            SpecificationJson.Options)),
    ];

    private static RunRecord Record => new()
    {
        Specification = Specifications.Sound,
        CommittedStep = 40,
        BestValidation = new ValidationPoint(40, 3.25),
        Checkpoints = [new CheckpointEntry(20, "cd", "a".Silo(), "/c/20", null)],
        History = LossHistory.Empty.With(1, 10.5).With(2, 9.25),
    };
}
