using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Storage;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Models.HuggingFace;

/// <summary>
/// Fetches models from the Hugging Face hub, or as OpenAI published them. A broken transfer goes on where it ended, now
/// or at the next call; files are checked by checksum or length, the model as a whole by opening it, and only then it
/// gets its name, in the form that models have in the store.
/// </summary>
/// <param name="token">Who one is, for the hub only; null for nobody.</param>
/// <param name="time">Waits between attempts; null for the system's.</param>
public sealed class HubDownload(string? token = null, TimeProvider? time = null) : IDisposable
{
    private static readonly string[] OpenAiFiles =
    [
        "hparams.json", "encoder.json", "vocab.bpe", "checkpoint", "model.ckpt.index",
        "model.ckpt.data-00000-of-00001",
    ];

    // One transfer may take hours; what is bounded is silence, by HubFile.
    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    private string? Token { get; } = token;

    private TimeProvider Time { get; } = time ?? TimeProvider.System;

    /// <summary>
    /// Fetches a model into a folder. What is already there of an earlier attempt is not fetched again.
    /// </summary>
    /// <param name="model">Which.</param>
    /// <param name="target">The folder to make; parts lie beside it, in <c>.NAME.download</c>, until it is
    /// whole.</param>
    /// <param name="progress">Told about every piece.</param>
    /// <param name="cancellation">Stops; what is here stays for the next call.</param>
    /// <exception cref="UserErrorException">The hub cannot be reached, a file is wrong, or the place is
    /// taken.</exception>
    public async Task FetchAsync(
        RemoteModel model,
        string target,
        IProgress<HubProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        if (Directory.Exists(full) || File.Exists(full))
            throw new UserErrorException($"{full} exists already; remove it first to fetch the model again.");
        // Another source's files never complete this one's.
        var parts = Path.Combine(
            Path.GetDirectoryName(full)!,
            $".{Path.GetFileName(full)}{(model.IsOpenAiLayout ? ".openai" : "")}.download");
        Directory.CreateDirectory(parts);
        var files = new Files(this, model.Folder, parts, progress, cancellation);
        if (model.IsOpenAiLayout)
            await files.FetchAsync(OpenAiFiles);
        else
            await FetchFromHubAsync(files, isKnown: model.Shape is not null);
        Publish(parts, model, full, cancellation);
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private static async Task FetchFromHubAsync(Files files, bool isKnown)
    {
        await files.FetchAsync(ModelConfiguration.FileName);
        await files.TryFetchAsync(Exports.ModelCard.FileName);
        if (await files.TryFetchAsync(ModelFolder.VocabularyFileNames[0]))
            await files.FetchAsync(ModelFolder.VocabularyFileNames[1]);
        else
            await files.TryFetchAsync(TokenizerFile.FileName);

        // The vocabulary of OpenAI's sizes needs no more words.
        foreach (var name in isKnown ? [] : SpecialTokens.FileNames)
            await files.TryFetchAsync(name);
        foreach (var name in HuggingFaceFormat.WeightsFileNames)
        {
            if (!await files.TryFetchAsync(name))
                continue;
            if (name.EndsWith(".json", StringComparison.Ordinal))
                await files.FetchAsync([.. ShardedWeights.FileNames(files.PathOf(name))]);
            return;
        }

        throw new UserErrorException($"{files.Address} has none of the files that weights may be in: "
            + $"{string.Join(", ", HuggingFaceFormat.WeightsFileNames)}.");
    }

    private static void Publish(string parts, RemoteModel model, string full, CancellationToken cancellation)
    {
        try
        {
            bool isAsStored;
            Core.Provenance.Origin origin;
            using (var opened = ModelFormats.Open(parts))
            {
                VocabularyProbe.CheckBrought(opened.ReadVocabulary(), opened.Shape.VocabularySize, model.Name);
                if (model.Shape is { } shape && opened.Shape != shape)
                {
                    throw new UserErrorException(
                        $"What was fetched for {model.Name} has another shape: {opened.Shape}.");
                }

                isAsStored = opened is ModelFolder { IsAsStored: true };
                origin = StoredOrigin.OfBrought(opened, model.Name, new OriginClaim());
                if (!isAsStored)
                {
                    new ModelDirectory(Path.GetDirectoryName(full)!).Import(
                        opened, Path.GetFileName(full), origin, cancellation: cancellation);
                }
            }

            if (isAsStored)
            {
                File.WriteAllText(Path.Combine(parts, Core.Provenance.Origin.FileName), origin.Write());
                StoredOrigin.Seal(parts);
            }
        }
        catch (UserErrorException)
        {
            // Keeping the wrong files would make every further attempt fail as well.
            Directory.Delete(parts, recursive: true);
            throw;
        }

        if (Directory.Exists(full))
        {
            Directory.Delete(parts, recursive: true);
            return;
        }

        foreach (var file in Directory.EnumerateFiles(parts)
            .Where(path => !ModelFolder.FileNames.Contains(Path.GetFileName(path))))
            File.Delete(file);
        DurableFiles.FlushFolder(parts);
        Directory.Move(parts, full);
        DurableFiles.FlushFolder(Path.GetDirectoryName(full)!);
    }

    /// <summary>The files of one model, on their way into one folder.</summary>
    private sealed class Files(
        HubDownload download,
        Uri address,
        string folder,
        IProgress<HubProgress>? progress,
        CancellationToken cancellation)
    {
        public Uri Address { get; } = address;

        public string PathOf(string name) => Path.Combine(folder, name);

        public async Task FetchAsync(params string[] names)
        {
            foreach (var name in names)
                await Of(name).FetchAsync(progress, cancellation);
        }

        /// <summary>False where there is none of that name.</summary>
        public Task<bool> TryFetchAsync(string name) => Of(name).TryFetchAsync(progress, cancellation);

        private HubFile Of(string name) => new(
            download.http, new Uri(Address, name), PathOf(name), download.Token, download.Time);
    }
}
