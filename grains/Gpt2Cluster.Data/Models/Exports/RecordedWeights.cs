using System.Security.Cryptography;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Provenance;

namespace Gpt2Cluster.Data.Models.Exports;

/// <summary>Whether weights are those that the record beside them was written for.</summary>
public static class RecordedWeights
{
    /// <summary>The files that a record is of, the first that is there.</summary>
    private static readonly string[] FileNames =
    [
        HuggingFace.ModelFolder.WeightsFileName, Peft.PeftAdapter.WeightsFileName,
        TensorFlow.OpenAiExport.DataFileName,
    ];

    /// <summary>Hashes the weights of a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="origin">The record in it.</param>
    /// <returns>What they hash to, which is what the record says; null where it says nothing of them.</returns>
    /// <exception cref="UserErrorException">The record says otherwise, or they cannot be read.</exception>
    public static string? Verify(string folder, Origin origin)
    {
        ArgumentNullException.ThrowIfNull(origin);
        var path = FileNames.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        if (path is null || origin.WeightsSha256 is not { } expected)
            return null;
        using var file = ElementFile.OpenStream(path);
        return Convert.ToHexStringLower(SHA256.HashData(file)) == expected
            ? expected
            : throw new UserErrorException(
                $"{path} does not have the hash of the record beside it, {Origin.FileName}: one of the two was changed "
                + "since; remove the record if its story is not that of these weights.");
    }

    /// <summary>The folder whose record a file of weights has; null for another file, or where there is none.</summary>
    public static string? FolderOf(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path));
        return folder is not null && Array.IndexOf(FileNames, Path.GetFileName(path)) >= 0
            && File.Exists(Path.Combine(folder, Origin.FileName))
            ? folder
            : null;
    }
}
