using System.Text;
using System.Text.Json;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;

[assembly: GenerateCodeForDeclaringAssembly(typeof(RunCommand))]

namespace Gpt2Cluster.Contracts;

/// <summary>
/// A record of Core that is stored as JSON, on its way: in the very form in which it is stored, so that one form says
/// what a reader must understand. All other records of Core that travel do so field by field; they are sent often.
/// </summary>
[GenerateSerializer, Immutable, Alias("gpt2.stored-form.v1")]
public struct StoredForm
{
    /// <summary>UTF-8 JSON, as <see cref="SpecificationJson.Options"/> writes it.</summary>
    [Id(0)]
    public byte[] Json { get; set; }
}

/// <summary>Turns a record into its stored form and back.</summary>
public abstract class StoredFormConverter<T> : IConverter<T, StoredForm>
{
    /// <inheritdoc/>
    public T ConvertFromSurrogate(in StoredForm surrogate) =>
        JsonSerializer.Deserialize<T>(surrogate.Json, SpecificationJson.Options)!;

    /// <inheritdoc/>
    public StoredForm ConvertToSurrogate(in T value) =>
        new() { Json = JsonSerializer.SerializeToUtf8Bytes(value, SpecificationJson.Options) };
}

/// <summary>A specification on its way.</summary>
[RegisterConverter]
public sealed class RunSpecificationConverter : StoredFormConverter<RunSpecification>;

/// <summary>A run's record on its way.</summary>
[RegisterConverter]
public sealed class RunRecordConverter : StoredFormConverter<RunRecord>;

/// <summary>A model's origin on its way.</summary>
[RegisterConverter]
public sealed class OriginConverter : IConverter<Origin, StoredForm>
{
    /// <inheritdoc/>
    public Origin ConvertFromSurrogate(in StoredForm surrogate) =>
        Origin.Read(Encoding.UTF8.GetString(surrogate.Json))!;

    /// <inheritdoc/>
    public StoredForm ConvertToSurrogate(in Origin value) => new() { Json = Encoding.UTF8.GetBytes(value.Write()) };
}

/// <summary>An entry of a run's catalogue on its way.</summary>
[RegisterConverter]
public sealed class CheckpointEntryConverter : StoredFormConverter<CheckpointEntry>;
