using System.Reflection;
using System.Runtime.CompilerServices;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>
/// How much a type is: what it keeps, what it is made of, what it offers. Whoever is over the bound is two concepts, or
/// has its reason here. Records are data, and as long as what they say.
/// </summary>
public sealed class TypeSizeTests
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance
        | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private const string Fields = "fields";
    private const string Parameters = "constructor parameters";
    private const string Members = "public members";

    private static readonly Dictionary<string, int> Most =
        new(StringComparer.Ordinal) { [Fields] = 12, [Parameters] = 7, [Members] = 15 };

    /// <summary>Types that are over a bound: how much they may be, and why.</summary>
    private static readonly (string What, string Type, int Most, string Why)[] Exceptions =
    [
        (Members, "Compute.Torch.TorchOperators", 61, "one method for each operation of libtorch that is counted"),
        (Members, "Compute.Torch.TorchKernels", 18, "what a device computes, kernel by kernel"),
        (Members, "Compute.Kernels.CpuKernels`1", 17, "the same for processors"),
        (Members, "Compute.Devices.ComputeBackend", 22, "what differs between devices, in one place"),
        (Members, "Compute.Memory.Matrix", 16, "the views of a matrix"),
        (Members, "Core.Ports.IReplica", 17, "the port of a device: step and text of one thing"),
        (Members, "Compute.Replica", 25, "implements it"),
        (Fields, "Compute.Replica", 14, "one for each part of the state and of the step that it hands on to"),
        (Fields, "Compute.Torch.StreamCopies", 17, "the buffers and events of copies that overlap"),
        (Fields, "Compute.Kernels.Fused.AttentionSpace", 14, "buffers of one kernel"),
        (Fields, "Compute.Generation.DecodingBuffers", 13, "buffers of one decoder"),
        (Members, "Core.Runs.Activities.Transition", 28, "the language of the coordinator's activities, a word each"),
        (Members, "Core.Averaging.AveragingProtocol", 23, "a protocol: a method for each thing that happens"),
        (Members, "Exchange.Links.StripeTransport", 16, "the stripe channel's links and what is said over them"),
        (Fields, "Exchange.Links.StripeTransport", 13, "the same"),
        (Fields, "Exchange.RunExchange", 13, "buffers, links and waits of one run under one lock"),
        (Members, "Data.Tokens.Gpt2Vocabulary", 20, "a value: what can be asked of a vocabulary"),
        (Fields, "Data.Datasets.DatasetTokenizer", 13, "where a stream of documents stands"),
        (Fields, "Data.Inspection.CorpusReader", 13, "where a stream of documents stands"),
        (Fields, "Data.Inspection.RepeatSearch", 14, "tables of one search, built one behind the other"),
        (Members, "Client.Training.TrainingOptions", 52, "one for each option of the command line"),
        (Fields, "Client.Training.TrainingOptions", 51, "one for each option of the command line"),
        (Fields, "Client.Commands.GenerateCommand", 15, "one for each option of the command line"),
        (Members, "Client.Output.ClientOutput", 19, "the one place that knows pipe, terminal and JSON"),
        (Parameters, "Grains.Models.ModelStoreGrain", 9, "a silo's disk answers in one grain for all that lies on it"),
        (Parameters, "Grains.Models.DiskRemoval", 8, "the disk, what lies on it, and who knows whether it is needed"),
        (Fields, "Compute.Training.GradientAccumulator", 13, "where the fold of a step stands, and its buffers"),
        (Fields, "Grains.Workers.WorkerSession", 20, "one worker's service to one run: replica, windows, reports"),
        (Fields, "Grains.Runs.TrainingRunGrain", 18, "the loop and all that it hands work to"),
    ];

    [Theory]
    [InlineData(Fields)]
    [InlineData(Parameters)]
    [InlineData(Members)]
    public void No_type_is_too_much(string what) => Findings.None(
        from type in Types
        let count = Count(type, what)
        where count > Most[what] && !Exceptions.Any(one => IsOf(one, type, what) && count <= one.Most)
        select $"{type.FullName} has {count} {what}, more than {Most[what]}");

    [Fact]
    public void Every_exception_is_one_still() => Findings.None(
        from one in Exceptions
        let type = Types.FirstOrDefault(type => IsOf(one, type, one.What))
        where type is null || Count(type, one.What) != one.Most
        select $"{one.Type} has {(type is null ? "no" : Count(type, one.What))} {one.What}, not {one.Most}");

    [Fact]
    public void What_a_type_keeps_takes_and_offers_is_seen()
    {
        Assert.Equal(3, Count(typeof(Planted), Fields));
        Assert.Equal(2, Count(typeof(Planted), Parameters));
        Assert.Equal(3, Count(typeof(Planted), Members));
        Assert.True(IsRecord(typeof(PlantedRecord)));
        Assert.False(IsRecord(typeof(Planted)));
    }

    private static IEnumerable<Type> Types => DependencyTests.Ours
        .SelectMany(assembly => assembly.GetTypes())
        .Where(type => !type.IsEnum && !IsGenerated(type) && !IsRecord(type));

    private static bool IsOf((string What, string Type, int Most, string Why) one, Type type, string what) =>
        one.What == what && type.FullName == $"Gpt2Cluster.{one.Type}";

    private static int Count(Type type, string what) => what switch
    {
        Fields => type.GetFields(Declared).Count(field => !field.IsStatic),
        Parameters => type.GetConstructors(Declared).Select(made => made.GetParameters().Length).DefaultIfEmpty().Max(),
        _ => type.GetMembers(Declared).Count(IsOffered),
    };

    private static bool IsOffered(MemberInfo member) => !IsGenerated(member) && member switch
    {
        MethodInfo method => method is { IsPublic: true, IsSpecialName: false } && method.GetBaseDefinition() == method,
        PropertyInfo property => property.GetMethod?.IsPublic == true,
        EventInfo told => told.AddMethod?.IsPublic == true,
        FieldInfo field => field is { IsPublic: true, IsLiteral: false },
        _ => false,
    };

    private static bool IsRecord(Type type) => type.GetMethod("PrintMembers", Declared) is not null;

    private static bool IsGenerated(MemberInfo member) =>
        member.IsDefined(typeof(CompilerGeneratedAttribute))
        || member.IsDefined(typeof(System.CodeDom.Compiler.GeneratedCodeAttribute))
        || member.Name.Contains('<', StringComparison.Ordinal)
        || (member.DeclaringType is { } owner && IsGenerated(owner));

    /// <summary>Keeps a field, a property and a parameter; offers two properties and a method.</summary>
    private sealed class Planted(int captured, string given)
    {
        public const int Constant = 1;

        private readonly string kept = given;

        public int Property { get; set; }

        public string Computed => kept;

        public int Method() => captured;

        public override string ToString() => Computed;
    }

    private sealed record PlantedRecord(int One);
}
