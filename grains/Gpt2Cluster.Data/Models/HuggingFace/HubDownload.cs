using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Storage;

namespace Gpt2Cluster.Data.Models.HuggingFace;

/// <summary>How far a download is.</summary>
/// <param name="FileName">The file in work.</param>
/// <param name="Bytes">Its bytes that are here.</param>
/// <param name="TotalBytes">Its size; 0 while unknown.</param>
public readonly record struct HubProgress(string FileName, long Bytes, long TotalBytes);

/// <summary>
/// Fetches one of OpenAI's models from the Hugging Face hub. A broken transfer goes on where it ended, now or at the
/// next call; files are checked by checksum or length, the model as a whole by opening it, and only then it gets its
/// name.
/// </summary>
/// <param name="baseAddress">The hub; null for <see cref="DefaultBaseAddress"/>.</param>
/// <param name="time">Waits between attempts; null for the system's.</param>
public sealed class HubDownload(Uri? baseAddress = null, TimeProvider? time = null) : IDisposable
{
    /// <summary>The public hub.</summary>
    public static readonly Uri DefaultBaseAddress = new("https://huggingface.co");

    // One transfer may take hours; what is bounded is silence, by HubFile.
    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    private readonly Uri hub = baseAddress ?? DefaultBaseAddress;

    /// <summary>
    /// Fetches a model into a folder. What is already there of an earlier attempt is not fetched again.
    /// </summary>
    /// <param name="model">Which; a published one.</param>
    /// <param name="target">The folder to make; parts lie beside it, in <c>.NAME.download</c>, until it is
    /// whole.</param>
    /// <param name="progress">Told about every piece.</param>
    /// <param name="cancellation">Stops; what is here stays for the next call.</param>
    /// <exception cref="UserErrorException">The hub cannot be reached, a file is wrong, or the place is
    /// taken.</exception>
    public async Task FetchAsync(
        Preset model,
        string target,
        IProgress<HubProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        if (Directory.Exists(full) || File.Exists(full))
            throw new UserErrorException($"{full} exists already; remove it first to fetch the model again.");
        var parts = Path.Combine(Path.GetDirectoryName(full)!, $".{Path.GetFileName(full)}.download");
        Directory.CreateDirectory(parts);
        foreach (var name in ModelFolder.FileNames)
        {
            var address = new Uri(hub, $"{model.Repository}/resolve/main/{name}");
            var file = new HubFile(http, address, Path.Combine(parts, name), time ?? TimeProvider.System);
            await file.FetchAsync(progress, cancellation);
        }

        Check(parts, model);
        foreach (var file in Directory.EnumerateFiles(parts)
            .Where(path => !ModelFolder.FileNames.Contains(Path.GetFileName(path))))
            File.Delete(file);
        DurableFiles.FlushFolder(parts);
        Directory.Move(parts, full);
        DurableFiles.FlushFolder(Path.GetDirectoryName(full)!);
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private static void Check(string parts, Preset model)
    {
        try
        {
            using var folder = ModelFolder.Open(parts);
            _ = folder.ReadVocabulary();
            if (folder.Shape != model.Shape)
                throw new UserErrorException($"What the hub gave for {model.Name} has another shape: {folder.Shape}.");
        }
        catch (UserErrorException)
        {
            // Keeping the wrong files would make every further attempt fail as well.
            Directory.Delete(parts, recursive: true);
            throw;
        }
    }
}
