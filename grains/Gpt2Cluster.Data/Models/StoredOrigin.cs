using System.Security.Cryptography;
using System.Text;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.HuggingFace;

namespace Gpt2Cluster.Data.Models;

/// <summary>What somebody who brings a model says of it; null for what is not said.</summary>
/// <param name="License">The licence it is under.</param>
/// <param name="Author">Who made it.</param>
public sealed record OriginClaim(string? License = null, string? Author = null);

/// <summary>
/// The record of where a model comes from as the store keeps it, in the model's folder beside its weights.
/// </summary>
public static class StoredOrigin
{
    /// <summary>The licence that OpenAI's models are under.</summary>
    private const string PublishedLicense = "mit";

    private const string PublishedAuthor = "OpenAI";
    private const int LongestBytes = 16 << 20;

    /// <summary>
    /// The record of a model that is brought into the store: what it brought itself goes on; a licence that nobody
    /// gives is the one that its model card names, or OpenAI's for one of OpenAI's sizes under its name.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="name">Its name in the store.</param>
    /// <param name="claim">What is said of it; that counts first.</param>
    /// <exception cref="UserErrorException">Its weights were changed after its record was written.</exception>
    public static Origin OfBrought(IModelReader model, string name, OriginClaim claim)
    {
        ArgumentNullException.ThrowIfNull(model);
        var recorded = Directory.Exists(model.Path) ? OriginReader.Read(model.Path) : null;
        if (recorded is not null)
            RecordedWeights.Verify(model.Path, recorded);
        var isPublished = recorded is null && Presets.FindPublished(name)?.Shape == model.Shape;
        return Claimed(recorded ?? new Origin { Name = Presets.Canonical(name) }, model.Path, claim, isPublished);
    }

    /// <summary>A record with what is said of it, and what the folder it comes from says.</summary>
    /// <param name="origin">The record.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="claim">What is said of it; that counts first.</param>
    /// <param name="isPublished">Whether it is one of OpenAI's.</param>
    /// <exception cref="UserErrorException">The folder's model card cannot be read.</exception>
    public static Origin Claimed(Origin origin, string folder, OriginClaim claim, bool isPublished = false)
    {
        ArgumentNullException.ThrowIfNull(origin);
        ArgumentNullException.ThrowIfNull(claim);
        return origin with
        {
            License = claim.License ?? origin.License ?? CardLicense.OfFolder(folder)
                ?? (isPublished ? PublishedLicense : null),
            Author = claim.Author ?? origin.Author ?? (isPublished ? PublishedAuthor : null),
            WeightsSha256 = null,
        };
    }

    /// <summary>The record as one of the files of a model on its way into the store.</summary>
    public static ModelFile AsFile(Origin origin)
    {
        ArgumentNullException.ThrowIfNull(origin);
        var text = Encoding.UTF8.GetBytes(origin.Write());
        return new ModelFile(Origin.FileName, () => new MemoryStream(text, writable: false));
    }

    /// <summary>
    /// Writes into a folder's record what the weights beside it hash to; nothing where a folder has no record.
    /// </summary>
    /// <exception cref="InvalidDataException">Its record is none.</exception>
    public static void Seal(string folder)
    {
        var path = Path.Combine(folder, Origin.FileName);
        if (!File.Exists(path))
            return;
        if (new FileInfo(path).Length > LongestBytes || Origin.Read(File.ReadAllText(path)) is not { } origin)
            throw new InvalidDataException($"its {Origin.FileName} is no record of where a model comes from");
        using var weights = File.OpenRead(Path.Combine(folder, ModelFolder.WeightsFileName));
        var hash = Convert.ToHexStringLower(SHA256.HashData(weights));
        File.WriteAllText(path, (origin with { WeightsSha256 = hash }).Write());
    }

    /// <summary>The record of a model of the store.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="folder">Its folder; null where it is gone.</param>
    /// <param name="sha256">SHA-256 of its weights; null where it is not known.</param>
    /// <remarks>Models that were stored before there were records have what their name tells.</remarks>
    public static Origin Of(string name, string? folder, string? sha256 = null)
    {
        if (folder is not null && OriginReader.Read(folder) is { } recorded)
            return recorded;
        var isPublished = Presets.FindPublished(name) is not null;
        return new Origin
        {
            Name = Presets.Canonical(name),
            License = isPublished ? PublishedLicense : null,
            Author = isPublished ? PublishedAuthor : null,
            Sha256 = sha256,
        };
    }
}
